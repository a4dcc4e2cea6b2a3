// Tells the API what becomes of what a page shows: of all its rows together.

import { useEffect, useMemo } from "preact/hooks";
import { Outbox, type Send } from "../api/outbox";
import { sendEvents } from "../api/taste";
import type { ChoiceEvent, SearchEvent } from "../api/types";

/** What happens in so long is told together. */
const TOGETHER_MS = 2000;

type Told = ChoiceEvent | SearchEvent;

export class Teller {
  private readonly outbox: Outbox<Told>;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(send: Send<Told>) {
    this.outbox = new Outbox(send);
  }

  /** Tells `event` with those that follow it. */
  soon(event: Told): void {
    this.outbox.add(event);
    this.timer ??= setTimeout(() => this.flush(false), TOGETHER_MS);
  }

  /** Tells `event`, and all that waits, at once. */
  now(event: Told): void {
    this.outbox.add(event);
    this.flush(false);
  }

  /** Tells what waits. `last` says that the page is going away. */
  flush(last: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.outbox.flush(last);
  }
}

/** What tells of a page for as long as it is shown; without a profile there is nobody to tell of. */
export function useTeller(profileId: string | null): Teller {
  const teller = useMemo(
    () => new Teller((events, last) => (profileId ? sendEvents(profileId, events, last) : Promise.resolve())),
    [profileId],
  );
  useEffect(() => {
    const leave = () => teller.flush(true);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      teller.flush(false);
    };
  }, [teller]);
  return teller;
}
