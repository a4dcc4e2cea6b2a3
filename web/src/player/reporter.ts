// Tells the API what is watched: resume positions, history and recommendations come from it.

import { Outbox, type Send } from "../api/outbox";
import { uuid } from "../api/random";
import type { WatchEvent, WatchKind } from "../api/types";

/** Between two reports of the position while the film runs. */
const PROGRESS_MS = 10_000;
/** A film that is left after this share of it counts as finished: the rest is credits. */
const FINISHED_SHARE = 0.97;
/** A film that is left before both of these was not what the viewer wanted to see. */
const ABANDONED_MS = 5 * 60_000;
const ABANDONED_SHARE = 0.1;

export class Reporter {
  private readonly outbox: Outbox<WatchEvent>;
  private watching = false;
  private finished = false;
  private reportedAt = 0;
  private furthestMs = 0;

  constructor(
    private readonly videoId: string,
    send: Send<WatchEvent>,
    private readonly now: () => Date,
  ) {
    this.outbox = new Outbox(send);
  }

  /** The film runs and is at `positionMs`. */
  at(positionMs: number): void {
    const now = this.now().getTime();
    this.furthestMs = Math.max(this.furthestMs, positionMs);
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
      void this.outbox.flush(true);
      return;
    }
    const length = durationMs ?? Infinity;
    const enough = positionMs >= length * FINISHED_SHARE;
    const abandoned = durationMs !== null && this.furthestMs < Math.min(ABANDONED_MS, length * ABANDONED_SHARE);
    this.watching = false;
    this.record(enough ? "finish" : abandoned ? "abandon" : "stop", positionMs, true);
  }

  private record(kind: WatchKind, positionMs: number, last = false): void {
    const now = this.now();
    this.reportedAt = now.getTime();
    this.outbox.add({
      id: uuid(),
      video_id: this.videoId,
      kind,
      position_ms: Math.max(0, Math.round(positionMs)),
      happened_at: now.toISOString(),
    });
    void this.outbox.flush(last);
  }
}
