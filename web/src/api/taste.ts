// The API's endpoints for what a profile watches, says, and may like.

import { request } from "./client";
import type { Home, Listed, Recommendations, Taste, TitleEvent } from "./types";

/** A person in an account. */
export interface Watcher {
  userId: string;
  profileId: string;
}

/** Titles in a row of recommendations. */
const ROW_SIZE = 20;

/** What the profile may like next, in rows. */
export function homeRows(profileId: string, signal: AbortSignal): Promise<Home> {
  return request(`/v1/recommendations/${encodeURIComponent(profileId)}/rows?count=${ROW_SIZE}`, { signal });
}

/** What the profile may like of what is like the video. */
export function moreLike(profileId: string, videoId: string, signal: AbortSignal): Promise<Recommendations> {
  const query = `row=${encodeURIComponent(`like:${videoId}`)}&count=${ROW_SIZE}`;
  return request(`/v1/recommendations/${encodeURIComponent(profileId)}?${query}`, { signal });
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
