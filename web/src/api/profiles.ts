// The API's endpoint for the persons in an account.

import { request } from "./client";
import type { Profile } from "./types";

/** Changes the rules of `profile`; those that are left out stay as they are. */
export function changeProfile(userId: string, { id, name }: Profile, rules: Partial<Profile>): Promise<Profile> {
  const path = `/v1/users/${encodeURIComponent(userId)}/profiles/${encodeURIComponent(id)}`;
  return request(path, { method: "PUT", body: { name, ...rules } });
}
