// The API's endpoints for what a profile watches, says, and may like.

import { request } from "./client";
import type { Listed, Recommendations, Taste, TitleEvent } from "./types";

/** A person in an account. */
export interface Watcher {
  userId: string;
  profileId: string;
}

export function recommendations(profileId: string, count: number, signal: AbortSignal): Promise<Recommendations> {
  return request(`/v1/recommendations/${encodeURIComponent(profileId)}?count=${count}`, { signal });
}

/** `last` says that the page is going away. */
export function sendEvents(profileId: string, events: TitleEvent[], last: boolean): Promise<void> {
  return request("/v1/events", { method: "POST", body: { profile_id: profileId, events }, keepalive: last });
}

export function getTaste(watcher: Watcher, videoId: string, signal: AbortSignal): Promise<Taste> {
  return request(`${profilePath(watcher)}/titles/${encodeURIComponent(videoId)}`, { signal });
}

/** What the profile put on its list, the newest first. */
export async function myList(watcher: Watcher, signal: AbortSignal): Promise<Listed[]> {
  const { items } = await request<{ items: Listed[] }>(`${profilePath(watcher)}/list`, { signal });
  return items;
}

function profilePath({ userId, profileId }: Watcher): string {
  return `/v1/users/${encodeURIComponent(userId)}/profiles/${encodeURIComponent(profileId)}`;
}
