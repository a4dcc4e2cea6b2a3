// What becomes of recommendations: which were seen, and which were chosen.

import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { uuid } from "../api/random";
import type { Choice, ChoiceEvent, Home, Recommendations, TitledRow } from "../api/types";
import { Seen, SEEN_SHARE } from "./seen";
import type { Teller } from "./teller";

/** The rows of a home page that show something, each with what chose it. */
export function rowsOf({ rows, ...whole }: Home): TitledRow[] {
  return rows.filter(({ items }) => items.length > 0).map((row) => ({ ...row, ...chosenBy(whole) }));
}

/** The event that tells what became of the recommendation at `place`, with all that was said of how it was chosen. */
export function choiceEvent(kind: ChoiceEvent["kind"], answer: Recommendations, place: number, now: Date): ChoiceEvent | null {
  const item = answer.items[place];
  if (!item) return null;
  return {
    ...chosenBy(answer),
    ...chosenBy(item),
    id: uuid(),
    video_id: item.id,
    kind,
    row: answer.row,
    place,
    happened_at: now.toISOString(),
  };
}

/** What is told of the choice; what is not told is left out. */
function chosenBy({ model_id, propensity, experiment, variant }: Choice): Choice {
  const told = Object.entries({ model_id, propensity, experiment, variant }).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(told) as Choice;
}

/**
 * Has `teller` tell which cards of `answer` are seen in `row`, where each has its place in `data-place`. Answers what to call when one is
 * chosen.
 */
export function useChoices(teller: Teller, answer: Recommendations, row: RefObject<HTMLElement | null>): (place: number) => void {
  useEffect(() => {
    if (!row.current) return undefined;
    return follow(row.current, (place) => {
      const event = choiceEvent("impression", answer, place, new Date());
      if (event) teller.soon(event);
    });
  }, [answer, teller]);
  return (place) => {
    const event = choiceEvent("click", answer, place, new Date());
    if (event) teller.now(event);
  };
}

/** Calls `onSeen` with the place of each card inside `row` that is seen. Answers what ends that. */
function follow(row: HTMLElement, onSeen: (place: number) => void): () => void {
  const seen = new Seen(onSeen, () => document.visibilityState === "visible");
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio } of entries) {
        seen.visible(Number((target as HTMLElement).dataset["place"]), intersectionRatio);
      }
    },
    { threshold: SEEN_SHARE },
  );
  row.querySelectorAll("[data-place]").forEach((card) => observer.observe(card));
  return () => {
    observer.disconnect();
    seen.close();
  };
}
