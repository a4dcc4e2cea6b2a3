// A row of recommendations, which tells what becomes of them.

import "./page.css";
import { useRef } from "preact/hooks";
import type { Recommendations } from "../api/types";
import { useChoices } from "../taste/choices";
import type { Teller } from "../taste/teller";
import { RecommendationCard } from "./card";

interface RecommendationRowProps {
  title: string;
  answer: Recommendations;
  teller: Teller;
}

export function RecommendationRow({ title, answer, teller }: RecommendationRowProps) {
  const cards = useRef<HTMLDivElement>(null);
  // What the heading says need not stand below every title.
  const why = !/^(because|like):/.test(answer.row);
  const choose = useChoices(teller, answer, cards);
  return (
    <section class="row" data-test="row" data-row={answer.row}>
      <h2>{title}</h2>
      <div class="strip" ref={cards}>
        {answer.items.map((item, place) => (
          <RecommendationCard key={item.id} item={item} place={place} why={why} onChoose={() => choose(place)} />
        ))}
      </div>
    </section>
  );
}
