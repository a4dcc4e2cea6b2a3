// The profile that watches: the account's default one.

import { session } from "../api/session";
import type { Profile } from "../api/types";

export function currentProfile(): Profile | null {
  const now = session.value;
  if (now.state !== "signed-in") return null;
  return now.me.profiles.find((profile) => profile.default) ?? now.me.profiles[0] ?? null;
}
