// Tells the API what is watched: resume positions, history and recommendations come from it.

import { uuid } from "../api/random";
import type { WatchEvent, WatchKind } from "../api/types";

/** Between two reports of the position while the film runs. */
const PROGRESS_MS = 10_000;
/** Reports kept while the API does not answer; the oldest go first. */
const KEPT_MAX = 50;
/** A film that is left after this share of it counts as finished: the rest is credits. */
const FINISHED_SHARE = 0.97;

/** Sends `events`; `last` says that the page is going away. */
export type Send = (events: WatchEvent[], last: boolean) => Promise<void>;

export class Reporter {
  private waiting: WatchEvent[] = [];
  private sending = false;
  private watching = false;
  private finished = false;
  private reportedAt = 0;

  constructor(
    private readonly videoId: string,
    private readonly send: Send,
    private readonly now: () => Date,
  ) {}

  /** The film runs and is at `positionMs`. */
  at(positionMs: number): void {
    const now = this.now().getTime();
    if (!this.watching) {
      this.watching = true;
      this.finished = false;
      this.record("start", positionMs);
    } else if (now - this.reportedAt >= PROGRESS_MS) {
      this.record("progress", positionMs);
    }
  }

  /** The film stands still at `positionMs`. */
  paused(positionMs: number): void {
    if (this.watching && !this.finished) this.record("progress", positionMs);
  }

  /** The film came to its end. */
  ended(positionMs: number): void {
    if (this.watching && !this.finished) this.record("finish", positionMs);
    this.finished = true;
    this.watching = false;
  }

  /** The viewer leaves; `durationMs` may be unknown. */
  left(positionMs: number, durationMs: number | null): void {
    if (!this.watching) {
      void this.flush(true);
      return;
    }
    const enough = durationMs !== null && positionMs >= durationMs * FINISHED_SHARE;
    this.watching = false;
    this.record(enough ? "finish" : "stop", positionMs, true);
  }

  private record(kind: WatchKind, positionMs: number, last = false): void {
    const now = this.now();
    this.reportedAt = now.getTime();
    this.waiting.push({
      id: uuid(),
      video_id: this.videoId,
      kind,
      position_ms: Math.max(0, Math.round(positionMs)),
      happened_at: now.toISOString(),
    });
    this.waiting = this.waiting.slice(-KEPT_MAX);
    void this.flush(last);
  }

  /** Events keep their ids, so sending one twice does no harm. */
  private async flush(last: boolean): Promise<void> {
    if (this.waiting.length === 0 || (this.sending && !last)) return;
    const batch = this.waiting;
    this.sending = true;
    try {
      await this.send(batch, last);
      this.waiting = this.waiting.filter((event) => !batch.includes(event));
    } catch {
      // They go with the next report.
    } finally {
      this.sending = false;
    }
  }
}
