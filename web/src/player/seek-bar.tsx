// The bar that shows where the film is, what of it is there, and takes one elsewhere.

import { useRef, useState } from "preact/hooks";
import { clock } from "../ui/text";
import { chapterAt, marks, type Chapter } from "./chapters";
import { tileAt, type Tile } from "./tiles";

/** Seconds per arrow key. */
const STEP_S = 10;

export interface SeekBarProps {
  position_s: number;
  duration_s: number;
  available_s: number;
  buffered_s: number;
  growing: boolean;
  /** Preview pictures. */
  tiles: Tile[];
  chapters: Chapter[];
  onSeek: (position_s: number) => void;
}

export function SeekBar({ position_s, duration_s, available_s, buffered_s, growing, tiles, chapters, onSeek }: SeekBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [dragged, setDragged] = useState(false);
  const span = duration_s > 0 ? duration_s : 1;
  const share = (seconds: number) => Math.min(1, Math.max(0, seconds / span));
  const timeAt = (event: PointerEvent) => {
    const box = bar.current?.getBoundingClientRect();
    if (!box || box.width === 0) return 0;
    return Math.min(growing ? available_s : span, share(((event.clientX - box.left) / box.width) * span) * span);
  };
  const shown = dragged && pointed !== null ? pointed : position_s;
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -STEP_S, ArrowRight: STEP_S }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    onSeek(position_s + step);
  };
  return (
    <div
      ref={bar}
      class={growing ? "seek seek-growing" : "seek"}
      role="slider"
      tabIndex={0}
      aria-label="Position"
      aria-valuemin={0}
      aria-valuemax={Math.round(span)}
      aria-valuenow={Math.round(shown)}
      aria-valuetext={`${clock(shown * 1000)} of ${clock(span * 1000)}${inChapter(chapterAt(chapters, shown))}`}
      data-test="seek"
      onKeyDown={onKeyDown}
      onPointerDown={(event) => {
        bar.current?.setPointerCapture(event.pointerId);
        setDragged(true);
        setPointed(timeAt(event));
      }}
      onPointerMove={(event) => setPointed(timeAt(event))}
      onPointerUp={(event) => {
        if (dragged) onSeek(timeAt(event));
        setDragged(false);
      }}
      onPointerCancel={() => setDragged(false)}
      onPointerLeave={() => setPointed(null)}
    >
      <div class="seek-track">
        {growing ? <div class="seek-available" style={scaled(share(available_s))} /> : null}
        <div class="seek-buffered" style={scaled(share(buffered_s))} />
        <div class="seek-played" style={scaled(share(shown))} />
        {marks(chapters, span).map((mark_s) => (
          <div key={mark_s} class="seek-mark" style={{ left: `${share(mark_s) * 100}%` }} data-test="chapter-mark" />
        ))}
      </div>
      <div class="seek-knob" style={{ left: `${share(shown) * 100}%` }} />
      {pointed !== null ? (
        <div class="seek-hint" style={{ left: `${share(pointed) * 100}%` }}>
          <Preview tile={tileAt(tiles, pointed)} />
          <ChapterTitle chapter={chapterAt(chapters, pointed)} />
          {clock(pointed * 1000)}
        </div>
      ) : null}
    </div>
  );
}

function inChapter(chapter: Chapter | null): string {
  return chapter ? `, ${chapter.title}` : "";
}

function Preview({ tile }: { tile: Tile | null }) {
  if (!tile) return null;
  const { url, x, y, width, height } = tile;
  const style = { width: `${width}px`, height: `${height}px`, backgroundImage: `url("${url}")`, backgroundPosition: `-${x}px -${y}px` };
  return <div class="seek-preview" style={style} data-test="preview" />;
}

function ChapterTitle({ chapter }: { chapter: Chapter | null }) {
  return chapter ? (
    <div class="seek-chapter" data-test="chapter">
      {chapter.title}
    </div>
  ) : null;
}

function scaled(share: number) {
  return { transform: `scaleX(${share})` };
}
