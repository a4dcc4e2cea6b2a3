// The player's page: opens a playback session, plays, and follows the title while it still grows.

import { useLocation, useRoute } from "preact-iso/router";
import { useEffect, useRef, useState } from "preact/hooks";
import { currentProfile } from "../account/profile";
import { asProblem, Problem } from "../api/problem";
import { sendEvents } from "../api/taste";
import type { Video } from "../api/types";
import { openPlayback } from "../api/videos";
import { Icon } from "../ui/icons";
import { BlankPage, ProblemNotice, ProblemPage, Waiting } from "../ui/states";
import { useVideo } from "../title/use-video";
import { Engine } from "./engine";
import { Reporter } from "./reporter";
import { Stage } from "./stage";
import { loadTiles, type Tile } from "./tiles";

/** A title that becomes ready this close to its end is played out as it is. */
const MOVE_MIN_LEFT_S = 12;
/** A playback token that is refused sooner after the last one was is no matter of expiry. */
const RENEW_MIN_MS = 30_000;

export function WatchPage() {
  const id = useRoute().params["id"] ?? "";
  const { video, problem } = useVideo(id);
  if (video && (video.playable || video.status === "ready")) return <Screening key={id} video={video} />;
  if (video) {
    const failed = video.failure;
    return (
      <BlankPage icon="film" title={failed ? "This title failed" : "Not yet playable"}>
        <p class="soft">{failed ? failed.message : "Its first part is still being encoded. It starts here by itself."}</p>
        <a class="button" href={`/titles/${id}`}>
          Back to the title
        </a>
      </BlankPage>
    );
  }
  return problem ? <ProblemPage problem={problem} /> : <Waiting label="Loading the title" />;
}

function Screening({ video }: { video: Video }) {
  const { route } = useLocation();
  const element = useRef<HTMLVideoElement>(null);
  const still = useRef<HTMLCanvasElement>(null);
  const [engine, setEngine] = useState<Engine | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [attempt, setAttempt] = useState(0);
  const [tiles, setTiles] = useState<Tile[]>([]);
  // Whether what is loaded is the final ladder; null until something is.
  const loadedFinal = useRef<boolean | null>(null);
  const isFinal = video.status === "ready";

  useEffect(() => {
    if (!element.current) return undefined;
    let closed = false;
    let opened: Engine | null = null;
    setProblem(null);
    begin(element.current, video.id, () => closed)
      .then((begun) => {
        if (!begun) return;
        opened = begun.engine;
        loadedFinal.current = begun.final;
        if (closed) return void opened.close();
        setEngine(opened);
        void loadTiles(begun.thumbnails).then(setTiles);
      })
      .catch((error: unknown) => {
        if (!closed) setProblem(asProblem(error));
      });
    return () => {
      closed = true;
      loadedFinal.current = null;
      setEngine(null);
      void opened?.close();
    };
  }, [video.id, attempt]);

  useReports(engine, video);
  useEffect(() => {
    if (!engine || !isFinal || loadedFinal.current !== false) return;
    loadedFinal.current = true;
    const { position_s, phase } = engine.state.value;
    const left_s = (video.duration_ms ?? Infinity) / 1000 - position_s;
    if (phase === "ended" || left_s < MOVE_MIN_LEFT_S) return;
    // The old ladder goes on playing if the new one cannot be had.
    openPlayback(video.id, currentProfile()?.id ?? null)
      .then(async (playback) => {
        void loadTiles(playback.thumbnails).then(setTiles);
        freeze(element.current, still.current);
        await engine.moveTo(playback);
        if (element.current) element.current.dataset["ladder"] = "final";
      })
      .catch(() => undefined);
  }, [engine, isFinal]);

  const failure = engine?.state.value.failure ?? null;
  const trouble = problem ?? (failure ? new Problem(0, "playback", failure) : null);
  const leave = () => route(`/titles/${video.id}`);
  return (
    <Stage element={element} still={still} engine={engine} video={video} tiles={tiles} onLeave={leave}>
      {trouble ? (
        <ProblemNotice problem={trouble}>
          <button class="button" data-test="again" onClick={() => setAttempt(attempt + 1)}>
            <Icon name="replay" />
            <span>Try again</span>
          </button>
        </ProblemNotice>
      ) : null}
    </Stage>
  );
}

interface Begun {
  engine: Engine;
  /** Whether the whole title is there. */
  final: boolean;
  /** Where its preview pictures are. */
  thumbnails: string | null;
}

/** Opens a playback session and loads it; a token that runs out while watching is replaced in place. */
async function begin(element: HTMLVideoElement, videoId: string, closed: () => boolean): Promise<Begun | null> {
  const profileId = currentProfile()?.id ?? null;
  const playback = await openPlayback(videoId, profileId);
  if (closed()) return null;
  let renewedAt = Date.now();
  let renewing = false;
  const renew = async () => {
    // Sound and picture are refused together.
    if (renewing) return;
    if (Date.now() - renewedAt < RENEW_MIN_MS) return engine.fail("The edge does not accept this session. Try again");
    renewing = true;
    try {
      await engine.moveTo(await openPlayback(videoId, profileId));
    } catch (error) {
      engine.fail(asProblem(error).message);
    }
    [renewing, renewedAt] = [false, Date.now()];
  };
  const engine: Engine = await Engine.open(element, () => void renew());
  if (closed()) {
    await engine.close();
    return null;
  }
  const final = playback.status === "ready";
  element.dataset["ladder"] = final ? "final" : "growing";
  void engine.load(playback, (playback.resume_ms ?? 0) / 1000);
  return { engine, final, thumbnails: playback.thumbnails };
}

/** Reports what is watched for as long as the page is open. */
function useReports(engine: Engine | null, video: Video): void {
  const duration = useRef(video.duration_ms);
  duration.current = video.duration_ms;
  useEffect(() => {
    const profile = currentProfile();
    if (!engine || !profile) return undefined;
    const reporter = new Reporter(
      video.id,
      (events, last) => sendEvents(profile.id, events, last),
      () => new Date(),
    );
    let wasPlaying = false;
    const unsubscribe = engine.state.subscribe(({ phase, playing, stalled, position_s }) => {
      if (phase === "ended") reporter.ended(position_s * 1000);
      else if (playing && !stalled) reporter.at(position_s * 1000);
      else if (wasPlaying && !playing) reporter.paused(position_s * 1000);
      wasPlaying = playing;
    });
    const left = () => reporter.left(engine.state.value.position_s * 1000, duration.current);
    window.addEventListener("pagehide", left);
    return () => {
      window.removeEventListener("pagehide", left);
      unsubscribe();
      left();
    };
  }, [engine, video.id]);
}

/** Keeps the picture that is shown on `canvas` until the next manifest has one. */
function freeze(element: HTMLVideoElement | null, canvas: HTMLCanvasElement | null): void {
  if (!element || !canvas || element.videoWidth === 0) return;
  [canvas.width, canvas.height] = [element.videoWidth, element.videoHeight];
  canvas.getContext("2d")?.drawImage(element, 0, 0);
  canvas.hidden = false;
  const show = () => {
    canvas.hidden = true;
  };
  // The old picture's events may still be under way when the new manifest is being loaded.
  element.addEventListener("emptied", () => element.addEventListener("playing", show, { once: true }), { once: true });
}
