// The chapters of a film, as the seek bar shows them, and what of it viewers may want to pass over. Pure.

import type { VideoChapter } from "../api/types";

/** Less than this nobody skips. */
const SKIPPED_MIN_MS = 1000;

export interface Chapter {
  title: string;
  start_s: number;
  end_s: number;
}

/** The chapter at `position_s`; of nested ones the innermost. */
export function chapterAt(chapters: Chapter[], position_s: number): Chapter | null {
  const around = chapters.filter(({ start_s, end_s }) => start_s <= position_s && position_s < end_s);
  return around.reduce<Chapter | null>((inner, next) => (!inner || next.start_s >= inner.start_s ? next : inner), null);
}

/** What goes on at `position_s` that viewers may want to pass over, and is not as good as over. */
export function skippableAt(chapters: VideoChapter[], position_s: number): VideoChapter | null {
  const ms = position_s * 1000;
  return chapters.find(({ role, start_ms, end_ms }) => role && start_ms <= ms && ms < end_ms - SKIPPED_MIN_MS) ?? null;
}

/** Where chapters begin and end inside a film of `duration_s`, in order: where the bar has marks. */
export function marks(chapters: Chapter[], duration_s: number): number[] {
  const edges = chapters.flatMap(({ start_s, end_s }) => [start_s, end_s]);
  const inside = edges.filter((edge_s) => edge_s > 0 && edge_s < duration_s);
  return Array.from(new Set(inside)).sort((a, b) => a - b);
}
