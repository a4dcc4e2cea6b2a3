// Events on their way to the API: together, in order, and once more if they could not be sent.

import type { TitleEvent } from "./types";

/** Events kept while the API does not answer; the oldest go first. */
const KEPT_MAX = 50;

/** Sends `events`; `last` says that the page is going away. */
export type Send<E extends TitleEvent> = (events: E[], last: boolean) => Promise<void>;

export class Outbox<E extends TitleEvent> {
  private waiting: E[] = [];
  private sending = false;

  constructor(private readonly send: Send<E>) {}

  /** Keeps `event` until the next [`flush`]. */
  add(event: E): void {
    this.waiting = [...this.waiting, event].slice(-KEPT_MAX);
  }

  /** Sends what waits, and what comes meanwhile. Events keep their ids, so sending one twice does no harm. */
  async flush(last: boolean): Promise<void> {
    if (this.sending && !last) return;
    this.sending = true;
    try {
      while (this.waiting.length > 0) {
        const batch = this.waiting;
        await this.send(batch, last);
        this.waiting = this.waiting.filter((event) => !batch.includes(event));
      }
    } catch {
      // They go with the next ones.
    } finally {
      this.sending = false;
    }
  }
}
