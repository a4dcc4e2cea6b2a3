// What a role may do, so that pages do not offer what the API would refuse.

import type { Me, Role, Video } from "../api/types";

const RANK: Record<Role, number> = { viewer: 0, editor: 1, publisher: 2, operator: 3, admin: 4 };

export function mayUpload(me: Me): boolean {
  return RANK[me.role] >= RANK.editor;
}

/** Deleting a title and trying its failed jobs again: editors their own, publishers and above anybody's. */
export function mayEdit(me: Me, video: Pick<Video, "owner_id">): boolean {
  return RANK[me.role] >= RANK.publisher || (mayUpload(me) && video.owner_id === me.id);
}
