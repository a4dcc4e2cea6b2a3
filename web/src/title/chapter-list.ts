// Chapters as an editor writes them: a line each, `1:15 The harbour`. Each lasts until the next one, the last until the end. Pure.

import type { NewChapter } from "../api/types";
import { clock } from "../ui/text";

/** `90:00`, `1:30:00` or `1:30.500`, and what the chapter is called. */
const LINE = /^(?:(\d+):)?(\d+):(\d{1,2})(?:\.(\d{1,3}))?(?:\s+(.*))?$/;

/** Chapters as lines. */
export function linesOf(chapters: NewChapter[]): string {
  return chapters.map(({ start_ms, title }) => `${exact(start_ms)} ${title}`.trim()).join("\n");
}

/** The chapters that `text` tells of a film that long; the first line that is none, instead, with what is wrong with it. */
export function chaptersOf(text: string, duration_ms: number): NewChapter[] | string {
  const lines = text.split("\n").map((line) => line.trim());
  const starts: { start_ms: number; title: string }[] = [];
  for (const line of lines.filter((written) => written !== "")) {
    const start_ms = startOf(line);
    const before_ms = starts.at(-1)?.start_ms ?? -1;
    if (start_ms === null) return `“${line}” does not begin with a time such as 1:15`;
    if (start_ms <= before_ms) return `“${line}” is not after ${exact(before_ms)}`;
    if (start_ms >= duration_ms) return `“${line}” is not in the film, which ends at ${exact(duration_ms)}`;
    starts.push({ start_ms, title: LINE.exec(line)?.[5] ?? "" });
  }
  return starts.map((chapter, place) => ({ ...chapter, end_ms: starts[place + 1]?.start_ms ?? duration_ms }));
}

function startOf(line: string): number | null {
  const [hours, minutes, seconds, part] = LINE.exec(line)?.slice(1, 5) ?? [];
  if (minutes === undefined || Number(seconds) > 59) return null;
  return (Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 + Number((part ?? "").padEnd(3, "0"));
}

/** A time to the millisecond, where it has any. */
function exact(ms: number): string {
  const part = ms % 1000;
  return part ? `${clock(ms)}.${String(part).padStart(3, "0")}` : clock(ms);
}
