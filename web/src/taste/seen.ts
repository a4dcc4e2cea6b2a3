// Which of some cards were seen: at least half of one, for a second, on a page that somebody looks at. Each is told of once.

/** How much of a card must be visible. */
export const SEEN_SHARE = 0.5;
/** For how long. */
const SEEN_MS = 1000;

export class Seen {
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();
  private readonly told = new Set<number>();

  /** `onSeen` hears the place of each card that was seen; `isLookedAt` says whether anybody can see anything at all. */
  constructor(
    private readonly onSeen: (place: number) => void,
    private readonly isLookedAt: () => boolean,
  ) {}

  /** So much of the card at `place` is visible from now on. */
  visible(place: number, share: number): void {
    if (share < SEEN_SHARE) this.forget(place);
    else if (!this.told.has(place) && !this.timers.has(place)) this.wait(place);
  }

  /** Nothing is visible any more. */
  close(): void {
    for (const place of Array.from(this.timers.keys())) this.forget(place);
  }

  private wait(place: number): void {
    const look = () => {
      // Of a page that lies behind another one nothing is seen, for as long as it does.
      if (!this.isLookedAt()) return this.wait(place);
      this.timers.delete(place);
      this.told.add(place);
      this.onSeen(place);
    };
    this.timers.set(place, setTimeout(look, SEEN_MS));
  }

  private forget(place: number): void {
    clearTimeout(this.timers.get(place));
    this.timers.delete(place);
  }
}
