// Which of what a search found were chosen: each is told of once.

import { uuid } from "../api/random";
import type { SearchEvent } from "../api/types";

/** Answers what makes the event of a choice; null if the same title was chosen before. */
export function searchClicks(): (videoId: string, now: Date) => SearchEvent | null {
  const told = new Set<string>();
  return (videoId, now) => {
    if (told.has(videoId)) return null;
    told.add(videoId);
    return { id: uuid(), video_id: videoId, kind: "search_click", happened_at: now.toISOString() };
  };
}
