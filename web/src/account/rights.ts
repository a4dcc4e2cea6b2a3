// What a role may do, so that pages do not offer what the API would refuse.

import type { Me, Role } from "../api/types";

const RANK: Record<Role, number> = { viewer: 0, editor: 1, publisher: 2, operator: 3, admin: 4 };

export function mayUpload(me: Me): boolean {
  return RANK[me.role] >= RANK.editor;
}

export function mayOperate(me: Me): boolean {
  return RANK[me.role] >= RANK.operator;
}
