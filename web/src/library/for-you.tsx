// What is recommended to the profile.

import { useEffect, useRef, useState } from "preact/hooks";
import { currentProfile } from "../account/profile";
import { recommendations } from "../api/taste";
import type { Recommendations } from "../api/types";
import { useChoices } from "../taste/choices";
import { RecommendationCard } from "./card";

/** Recommendations in the row. */
const RECOMMENDED = 8;
const NONE: Recommendations = { items: [] };

export function ForYou() {
  const [answer, setAnswer] = useState(NONE);
  const row = useRef<HTMLDivElement>(null);
  const profile = currentProfile();
  const choose = useChoices(profile?.id ?? null, answer, row);
  useEffect(() => {
    const stop = new AbortController();
    if (profile) {
      // A row that cannot be had is no reason to trouble anybody: the library below is complete.
      recommendations(profile.id, RECOMMENDED, stop.signal).then(setAnswer, () => setAnswer(NONE));
    }
    return () => stop.abort();
  }, [profile?.id]);
  if (answer.items.length === 0) return null;
  return (
    <section class="row" data-test="for-you">
      <h2>For you</h2>
      <div class="cards" ref={row}>
        {answer.items.map((item, place) => (
          <RecommendationCard key={item.id} item={item} place={place} onChoose={() => choose(place)} />
        ))}
      </div>
    </section>
  );
}
