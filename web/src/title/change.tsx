// What is about to take the place of what a title shows: how far it is, and how it begins.

import { useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { asProblem, sentence, type Problem } from "../api/problem";
import type { Change, Order, Video } from "../api/types";
import { beginChange, giveUpChange, retryFailedJobs } from "../api/videos";
import { Icon } from "../ui/icons";
import { Bar, ProblemNotice } from "../ui/states";
import { guess, percent } from "../ui/text";
import { replaceFilm } from "../upload/uploads";
import { stepOf } from "./status";

const RECIPES = [
  { value: "", name: "As new titles are" },
  { value: "fast", name: "Fast" },
  { value: "standard", name: "Standard" },
  { value: "quality", name: "Quality: AV1 too" },
  { value: "archive", name: "Archive: HEVC and AV1 too" },
];

/** Shown to whoever may edit a title that is ready. `onChanged` is called once the title is another one than `video` tells. */
export function ChangeSection({ video, onChanged }: { video: Video; onChanged: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const attempt = (work: Promise<void>) => {
    setProblem(null);
    work.then(onChanged, (error: unknown) => setProblem(asProblem(error)));
  };
  const giveUp = () => attempt(giveUpChange(video.id));
  const { change } = video;
  return (
    <section class="work stack" aria-label="Change" data-test="change" data-status={change?.status ?? "none"}>
      {change?.failure ? (
        <div class="notice notice-bad" role="alert">
          <Icon name="alert" />
          <p>
            {sentence(change.failure.message)}
            <span class="faint notice-code">{change.failure.code}</span>
          </p>
          <button class="button" onClick={() => attempt(retryFailedJobs(video.id))} data-test="change-retry">
            Try again
          </button>
          <button class="button button-plain" onClick={giveUp} data-test="change-forget">
            Leave it as it is
          </button>
        </div>
      ) : null}
      {change && !change.failure ? <Progress change={change} title={video.title} onGiveUp={giveUp} /> : null}
      {!change || change.failure ? <Begin video={video} onOrder={(order) => attempt(beginChange(video.id, order))} /> : null}
      {problem ? <ProblemNotice problem={problem} /> : null}
    </section>
  );
}

function Progress({ change, title, onGiveUp }: { change: Change; title: string; onGiveUp: () => void }) {
  return (
    <>
      <div class="work-line">
        <strong aria-live="polite">New version: {stepOf(change.status).toLowerCase()}</strong>
        <span class="soft">
          {percent(change.progress)}
          {change.ready_in_ms === null ? null : `, ${guess(change.ready_in_ms)} left`}, viewers see the one before
        </span>
      </div>
      <Bar value={change.progress} label={`Encoding a new version of ${title}`} />
      <div class="change-line">
        <button class="button" onClick={onGiveUp} data-test="change-give-up">
          Leave it as it is
        </button>
      </div>
    </>
  );
}

function Begin({ video, onOrder }: { video: Video; onOrder: (order: Order) => void }) {
  const { route } = useLocation();
  const [recipe, setRecipe] = useState("");
  const choose = (files: FileList | null) => {
    const file = files?.[0];
    if (!file) return;
    replaceFilm(video, file);
    route("/upload");
  };
  return (
    <div class="change-line">
      <label class="change-recipe">
        <span>Recipe</span>
        <select class="input" value={recipe} onChange={(event) => setRecipe(event.currentTarget.value)} data-test="recipe">
          {RECIPES.map(({ value, name }) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button class="button" onClick={() => onOrder(recipe ? { recipe } : {})} data-test="encode-again">
        Encode again
      </button>
      <button class="button button-plain" onClick={() => onOrder({ protection: { scheme: video.protection ? "none" : "cbcs" } })} data-test="protect">
        {video.protection ? "Remove the protection" : "Protect it with keys"}
      </button>
      <label class="button button-plain">
        Replace the film
        <input class="hidden-visually" type="file" accept="video/*,.mkv,.mxf,.ts,.m2ts" onChange={(event) => choose(event.currentTarget.files)} data-test="replace" />
      </label>
    </div>
  );
}
