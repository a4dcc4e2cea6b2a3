// The profile that watches: the account's default one.

import { session } from "../api/session";
import type { Watcher } from "../api/taste";
import type { Profile } from "../api/types";

export function currentProfile(): Profile | null {
  const now = session.value;
  if (now.state !== "signed-in") return null;
  return now.me.profiles.find((profile) => profile.default) ?? now.me.profiles[0] ?? null;
}

/** The same as a part of its account. */
export function currentWatcher(): Watcher | null {
  const [now, profile] = [session.value, currentProfile()];
  return now.state === "signed-in" && profile ? { userId: now.me.id, profileId: profile.id } : null;
}
