// For whoever may change the title: the pictures that may stand for it.

import { useState } from "preact/hooks";
import { asProblem, type Problem } from "../api/problem";
import type { Video } from "../api/types";
import { choosePoster } from "../api/videos";
import { ProblemNotice } from "../ui/states";
import { clock } from "../ui/text";

export function Posters({ video, onChanged }: { video: Video; onChanged: (video: Video) => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const offers = video.posters ?? [];
  if (offers.length < 2) return null;
  const choose = (time_ms: number) => {
    setProblem(null);
    choosePoster(video.id, time_ms).then(onChanged, (error: unknown) => setProblem(asProblem(error)));
  };
  return (
    <section class="notes" data-test="posters">
      <h2>Poster</h2>
      <div class="posters">
        {offers.map(({ time_ms, url, chosen }) => (
          <button
            key={time_ms}
            class="poster-offer"
            aria-pressed={chosen}
            aria-label={`The picture at ${clock(time_ms)}`}
            data-test="poster-offer"
            onClick={() => choose(time_ms)}
          >
            <img src={url} alt="" loading="lazy" />
          </button>
        ))}
      </div>
      {problem ? <ProblemNotice problem={problem} /> : null}
    </section>
  );
}
