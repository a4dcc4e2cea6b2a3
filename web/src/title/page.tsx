// One title: play it, see how its encode goes, or why it failed.

import "./page.css";
import { useLocation, useRoute } from "preact-iso/router";
import { useState } from "preact/hooks";
import { mayEdit } from "../account/rights";
import { asProblem, sentence, type Problem } from "../api/problem";
import { session } from "../api/session";
import type { Reason, Video } from "../api/types";
import { deleteVideo, retryFailedJobs } from "../api/videos";
import { TasteButtons } from "../taste/buttons";
import { Heading } from "../ui/heading";
import { Icon } from "../ui/icons";
import { coloured, PosterPicture } from "../ui/poster";
import { Bar, BlankPage, ProblemNotice, ProblemPage, Waiting } from "../ui/states";
import { day, guess, length, percent } from "../ui/text";
import { ChangeSection } from "./change";
import { linesOf } from "./chapter-list";
import { ChaptersForm } from "./chapters-form";
import { line } from "./facts";
import { FactsForm } from "./facts-form";
import { MoreLikeThis } from "./more-like-this";
import { Posters } from "./posters";
import { isWorking, stepName, steps } from "./status";
import { Subtitles } from "./subtitles";
import { useVideo } from "./use-video";

export function TitlePage() {
  const id = useRoute().params["id"] ?? "";
  const { video: followed, problem, again } = useVideo(id);
  // A title that is ready is not followed any more: what was changed here is shown all the same.
  const [changed, setChanged] = useState<Video | null>(null);
  const video = followed && changed?.id === followed.id ? { ...followed, poster: changed.poster, posters: changed.posters ?? [] } : followed;
  if (video) {
    return (
      <main class="page" data-test="title-page" data-status={video.status} data-playable={video.playable} data-progress={video.progress}>
        {problem ? <ProblemNotice problem={problem} /> : null}
        <Head video={video} />
        {isWorking(video) ? <Work video={video} /> : null}
        {video.failure ? <Failure video={video} failure={video.failure} /> : null}
        {video.status === "ready" ? <MoreLikeThis key={video.id} videoId={video.id} /> : null}
        {isEditable(video) ? <FactsForm key={video.id} video={video} onChanged={again} /> : null}
        {isEditable(video) ? <Posters video={video} onChanged={setChanged} /> : null}
        {isEditable(video) && video.status === "ready" ? <ChangeSection video={video} onChanged={again} /> : null}
        {isEditable(video) && video.status === "ready" ? <ChaptersForm key={linesOf(video.chapters ?? [])} video={video} onChanged={again} /> : null}
        {isEditable(video) ? <Subtitles video={video} onChanged={again} /> : null}
        <Notes notes={video.notes ?? []} />
      </main>
    );
  }
  if (problem?.status === 404) {
    return (
      <BlankPage icon="film" title="This title is not here">
        <p class="soft">It was removed, or the link is not complete.</p>
        <a class="button button-main" href="/">
          To the library
        </a>
      </BlankPage>
    );
  }
  return problem ? <ProblemPage problem={problem} /> : <Waiting label="Loading the title" />;
}

/** Whether whoever is signed in may change the video. */
function isEditable(video: Video): boolean {
  const now = session.value;
  return now.state === "signed-in" && mayEdit(now.me, video);
}

function Head({ video }: { video: Video }) {
  return (
    <section class="poster hero" style={coloured(video.title)}>
      <PosterPicture src={video.poster} />
      <div class="hero-text">
        <Heading test="title">{video.title}</Heading>
        <p class="hero-facts soft">
          {video.duration_ms ? <span>{length(video.duration_ms)}</span> : null}
          {line(video.facts).map((fact) => (
            <span key={fact}>{fact}</span>
          ))}
          <span>{day(video.created_at)}</span>
        </p>
        {video.facts.description ? <p class="hero-description">{video.facts.description}</p> : null}
        <div class="hero-actions">
          {video.playable ? (
            <a class="button button-main button-large" href={`/watch/${video.id}`} data-test="play">
              <Icon name="play" />
              <span>Play</span>
            </a>
          ) : null}
          <TasteButtons videoId={video.id} />
          {isEditable(video) ? <Delete video={video} /> : null}
        </div>
      </div>
    </section>
  );
}

function Work({ video }: { video: Video }) {
  return (
    <section class="work" aria-label="Encode" data-test="work">
      <div class="work-line">
        {/* Only the name of the step is told as it changes: nobody wants to hear every percent. */}
        <strong aria-live="polite">{stepName(video)}</strong>
        <span class="soft">
          {percent(video.progress)}
          {video.ready_in_ms === null ? null : `, ${guess(video.ready_in_ms)} left`}
          {video.playable ? ", it can be played already" : null}
        </span>
      </div>
      <Bar value={video.progress} label={`Encoding ${video.title}`} />
      <ul class="work-steps">
        {steps(video).map((step) => (
          <li key={step.name} class="work-step" data-state={step.state}>
            {step.name}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Failure({ video, failure }: { video: Video; failure: Reason }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [asked, setAsked] = useState(false);
  const retry = () => {
    setAsked(true);
    setProblem(null);
    retryFailedJobs(video.id).catch((error: unknown) => {
      setProblem(asProblem(error));
      setAsked(false);
    });
  };
  return (
    <section class="work stack" data-test="failure" data-code={failure.code}>
      <div class="notice notice-bad" role="alert">
        <Icon name="alert" />
        <p>
          {sentence(failure.message)}
          <span class="faint notice-code">{failure.code}</span>
        </p>
        {isEditable(video) ? (
          <button class="button" disabled={asked} onClick={retry} data-test="retry">
            Try again
          </button>
        ) : null}
      </div>
      <p class="soft">
        If the file itself is at fault, export it again and <a href="/upload">upload the new file</a>.
      </p>
      {problem ? <ProblemNotice problem={problem} /> : null}
    </section>
  );
}

function Notes({ notes }: { notes: Reason[] }) {
  if (notes.length === 0) return null;
  return (
    <section class="notes" data-test="notes">
      <h2>Notes from the encoder</h2>
      <ul>
        {notes.map((note) => (
          <li key={note.code + note.message} data-code={note.code}>
            <Icon name="info" />
            {sentence(note.message)}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Delete({ video }: { video: Video }) {
  const { route } = useLocation();
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const remove = () => {
    deleteVideo(video.id).then(
      () => route("/"),
      (error: unknown) => setProblem(asProblem(error)),
    );
  };
  if (problem) return <ProblemNotice problem={problem} />;
  return asked ? (
    <button class="button button-bad button-large" onClick={remove} onBlur={() => setAsked(false)} data-test="delete-really">
      Delete for good?
    </button>
  ) : (
    <button class="button button-plain button-large" onClick={() => setAsked(true)} data-test="delete">
      Delete
    </button>
  );
}
