// The screen: picture, controls that come and go, keys, full screen.

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Video, VideoChapter } from "../api/types";
import { MoreLikeThis } from "../title/more-like-this";
import { Heading } from "../ui/heading";
import { Icon } from "../ui/icons";
import { command, type Command } from "./commands";
import { skippableAt } from "./chapters";
import { Controls } from "./controls";
import type { Engine, PlayerState } from "./engine";
import type { Tile } from "./tiles";

/** After the last movement the controls stay this long. */
const IDLE_MS = 3000;

interface StageProps {
  element: RefObject<HTMLVideoElement | null>;
  still: RefObject<HTMLCanvasElement | null>;
  engine: Engine | null;
  video: Video;
  tiles: Tile[];
  onLeave: () => void;
  /** A problem, in the middle of the screen. */
  children: ComponentChildren;
}

export function Stage({ element, still, engine, video, tiles, onLeave, children }: StageProps) {
  const root = useRef<HTMLElement>(null);
  const [held, setHeld] = useState(false);
  const [awake, wake] = useAwake();
  const [fullscreen, toggleFullscreen] = useFullscreen(root);
  const state = engine?.state.value ?? null;
  const idle = !awake && !held && !children && state !== null && state.playing && !state.stalled;
  const duration_s = Math.max((video.duration_ms ?? 0) / 1000, state?.available_s ?? 0);

  const act = (wanted: Command) => {
    if (wanted.do === "fullscreen") toggleFullscreen();
    else if (wanted.do === "leave") fullscreen ? toggleFullscreen() : onLeave();
    else if (wanted.do === "controls") root.current?.querySelector<HTMLElement>("[data-test=toggle]")?.focus();
    else if (engine) obey(engine, wanted, duration_s);
  };
  // With what is shown, not a frame later: a key that follows at once must find the listener of its own time.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      wake();
      if (event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey) return;
      // The heading, where the focus is at first, is no control.
      const onControl = document.activeElement instanceof HTMLElement && document.activeElement.tabIndex >= 0;
      const wanted = command(event.key, event.keyCode, onControl && !idle);
      // An open menu closes itself first.
      if (!wanted || (held && wanted.do === "leave")) return;
      event.preventDefault();
      act(wanted);
    };
    // Before the page's own arrow keys, which listen on the document.
    window.addEventListener("keydown", onKeyDown, true);
    return () => window.removeEventListener("keydown", onKeyDown, true);
  });

  return (
    <main
      ref={root}
      class={idle ? "stage stage-idle" : "stage"}
      onPointerMove={wake}
      data-test="player"
      data-phase={state?.phase ?? "loading"}
      data-playing={state?.playing ?? false}
      data-growing={state?.growing ?? false}
      data-rung-height={state?.height ?? undefined}
      data-quality={state?.chosen ?? "auto"}
    >
      <Heading hidden>{video.title}</Heading>
      <video
        ref={element}
        playsInline
        {...(video.poster ? { poster: video.poster } : {})}
        crossOrigin="anonymous"
        data-test="video"
        onClick={() => engine?.toggle()}
        onDblClick={toggleFullscreen}
      />
      <canvas ref={still} hidden />
      {state?.phase === "ended" && !children ? <MoreLikeThis videoId={video.id} /> : null}
      <div class="stage-middle">{children || (state ? <Middle engine={engine} state={state} /> : <div class="spinner" />)}</div>
      {engine && state && !children ? <Skip engine={engine} part={skippableAt(video.chapters ?? [], state.position_s)} /> : null}
      {engine && state ? (
        <Controls
          videoId={video.id}
          title={video.title}
          engine={engine}
          state={state}
          duration_s={duration_s}
          tiles={tiles}
          fullscreen={fullscreen}
          onFullscreen={toggleFullscreen}
          onLeave={onLeave}
          onHold={setHeld}
        />
      ) : null}
    </main>
  );
}

/** Leads past the intro, and past the credits. */
function Skip({ engine, part }: { engine: Engine; part: VideoChapter | null }) {
  if (!part) return null;
  return (
    <button class="button stage-skip" data-test="skip" onClick={() => engine.seek(part.end_ms / 1000)}>
      <span>{part.role === "intro" ? "Skip intro" : "Skip credits"}</span>
    </button>
  );
}

/** What the middle of the screen says while the picture stands still. */
function Middle({ engine, state }: { engine: Engine | null; state: PlayerState }) {
  if (state.phase === "loading" || (state.playing && state.stalled)) {
    const atEdge = state.growing && state.position_s > state.available_s - 2;
    return (
      <>
        <div class="spinner" role="status" aria-label="Loading" />
        {state.offline ? <p>The connection is away. Trying again.</p> : null}
        {atEdge && !state.offline && state.phase !== "loading" ? <p>Waiting for the next part to be encoded</p> : null}
      </>
    );
  }
  if (state.playing) return null;
  return (
    <button class="button button-main stage-play" aria-label={state.phase === "ended" ? "Play again" : "Play"} tabIndex={-1} onClick={() => engine?.toggle()}>
      <Icon name={state.phase === "ended" ? "replay" : "play"} large />
    </button>
  );
}

function obey(engine: Engine, wanted: Command, duration_s: number): void {
  const { position_s, volume, muted } = engine.state.value;
  switch (wanted.do) {
    case "toggle":
      return engine.toggle();
    case "play":
      return void engine.play();
    case "pause":
      return engine.pause();
    case "skip":
      return engine.seek(position_s + wanted.seconds);
    case "part":
      return engine.seek(duration_s * wanted.share);
    case "louder":
      return engine.setVolume(volume + wanted.by);
    case "mute":
      return engine.setMuted(!muted);
    default:
      return undefined;
  }
}

/** True for a while after each call of the function that comes with it. */
function useAwake(): [boolean, () => void] {
  const [awake, setAwake] = useState(true);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const wake = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setAwake(false), IDLE_MS);
    setAwake(true);
  };
  useEffect(() => {
    wake();
    return () => clearTimeout(timer.current);
  }, []);
  return [awake, wake];
}

/** Old browsers know full screen by a vendor's name. */
interface OldDocument {
  webkitFullscreenElement?: Element | null;
  webkitExitFullscreen?: () => void;
}
interface OldElement {
  webkitRequestFullscreen?: () => void;
}

function useFullscreen(root: RefObject<HTMLElement | null>): [boolean, () => void] {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const look = () => setFull(Boolean(document.fullscreenElement ?? (document as OldDocument).webkitFullscreenElement));
    document.addEventListener("fullscreenchange", look);
    document.addEventListener("webkitfullscreenchange", look);
    return () => {
      document.removeEventListener("fullscreenchange", look);
      document.removeEventListener("webkitfullscreenchange", look);
    };
  }, []);
  const toggle = () => {
    const element = root.current as (HTMLElement & OldElement) | null;
    if (full) {
      if (document.exitFullscreen) void document.exitFullscreen();
      else (document as OldDocument).webkitExitFullscreen?.();
    } else if (element?.requestFullscreen) void element.requestFullscreen().catch(() => undefined);
    else element?.webkitRequestFullscreen?.();
  };
  return [full, toggle];
}
