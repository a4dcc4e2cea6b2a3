// What becomes of recommendations: which were seen, and which were chosen.

import type { RefObject } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { Outbox } from "../api/outbox";
import { uuid } from "../api/random";
import { sendEvents } from "../api/taste";
import type { Choice, ChoiceEvent, Recommendations } from "../api/types";
import { Seen, SEEN_SHARE } from "./seen";

/** The row of recommendations, if they do not name one. */
const ROW = "for_you";
/** What is seen in so long is told together. */
const TOGETHER_MS = 2000;

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
    row: item.row ?? answer.row ?? ROW,
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
 * Reports which cards of `answer` are seen in `row`, where each has its place in `data-place`. Answers what to call when one is chosen.
 */
export function useChoices(profileId: string | null, answer: Recommendations, row: RefObject<HTMLElement | null>): (place: number) => void {
  const outbox = useMemo(
    () => new Outbox<ChoiceEvent>((events, last) => (profileId ? sendEvents(profileId, events, last) : Promise.resolve())),
    [profileId],
  );
  const tell = (kind: ChoiceEvent["kind"], place: number) => {
    const event = choiceEvent(kind, answer, place, new Date());
    if (event) outbox.add(event);
  };
  useEffect(() => {
    if (!row.current || answer.items.length === 0) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const onSeen = (place: number) => {
      tell("impression", place);
      timer ??= setTimeout(() => {
        timer = undefined;
        void outbox.flush(false);
      }, TOGETHER_MS);
    };
    const close = follow(row.current, onSeen);
    const leave = () => void outbox.flush(true);
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      close();
      clearTimeout(timer);
      void outbox.flush(false);
    };
  }, [answer, outbox]);
  return (place) => {
    tell("click", place);
    void outbox.flush(false);
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
