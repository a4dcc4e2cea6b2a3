// Everything that lies over the picture.

import { useState } from "preact/hooks";
import { TasteButtons } from "../taste/buttons";
import { Icon } from "../ui/icons";
import { clock } from "../ui/text";
import type { Engine, PlayerState } from "./engine";
import { Menu, type Choice } from "./menu";
import { SeekBar } from "./seek-bar";
import type { Tile } from "./tiles";

interface ControlsProps {
  videoId: string;
  title: string;
  engine: Engine;
  state: PlayerState;
  duration_s: number;
  tiles: Tile[];
  fullscreen: boolean;
  onFullscreen: () => void;
  onLeave: () => void;
  /** A menu is open: the controls must stay. */
  onHold: (hold: boolean) => void;
}

export function Controls(props: ControlsProps) {
  const { videoId, title, engine, state, duration_s, fullscreen, onFullscreen, onLeave } = props;
  return (
    <>
      <div class="controls controls-top">
        <button class="button button-round" aria-label="Back to the title" data-test="leave" onClick={onLeave}>
          <Icon name="back" />
        </button>
        {/* The heading says the same to screen readers. */}
        <span class="controls-title" aria-hidden="true">
          {title}
        </span>
        {state.growing ? (
          <span class="chip" data-test="growing">
            Still encoding, {clock(state.available_s * 1000)} is here
          </span>
        ) : null}
        <TasteButtons videoId={videoId} />
      </div>
      <div class="controls controls-bottom">
        <SeekBar {...state} duration_s={duration_s} tiles={props.tiles} onSeek={(position_s) => engine.seek(position_s)} />
        <div class="controls-line">
          <PlayButton engine={engine} state={state} />
          <Volume engine={engine} state={state} />
          <span class="controls-time" data-test="time">
            {clock(state.position_s * 1000)} <span class="faint">/ {clock(duration_s * 1000)}</span>
          </span>
          <span />
          <Choices engine={engine} state={state} onHold={props.onHold} />
          <button
            class="button button-round"
            aria-label={fullscreen ? "Leave full screen" : "Full screen"}
            data-test="fullscreen"
            onClick={onFullscreen}
          >
            <Icon name={fullscreen ? "shrink" : "expand"} />
          </button>
        </div>
      </div>
    </>
  );
}

function PlayButton({ engine, state }: { engine: Engine; state: PlayerState }) {
  const [icon, label] =
    state.phase === "ended"
      ? (["replay", "Play again"] as const)
      : state.playing
        ? (["pause", "Pause"] as const)
        : (["play", "Play"] as const);
  return (
    <button class="button button-round" aria-label={label} data-test="toggle" onClick={() => engine.toggle()}>
      <Icon name={icon} />
    </button>
  );
}

function Volume({ engine, state }: { engine: Engine; state: PlayerState }) {
  const silent = state.muted || state.volume === 0;
  return (
    <div class="volume">
      <button
        class="button button-round"
        aria-label={silent ? "Sound on" : "Sound off"}
        data-test="mute"
        onClick={() => engine.setMuted(!silent)}
      >
        <Icon name={silent ? "muted" : "volume"} />
      </button>
      <input
        type="range"
        min={0}
        max={100}
        value={silent ? 0 : Math.round(state.volume * 100)}
        aria-label="Volume"
        data-test="volume"
        onInput={(event) => engine.setVolume(Number(event.currentTarget.value) / 100)}
      />
    </div>
  );
}

/** The menus of sound, subtitles and quality. */
function Choices({ engine, state, onHold }: { engine: Engine; state: PlayerState; onHold: (hold: boolean) => void }) {
  const [open, setOpen] = useState<"sound" | "text" | "quality" | null>(null);
  const show = (menu: "sound" | "text" | "quality", shown: boolean) => {
    setOpen(shown ? menu : null);
    onHold(shown);
  };
  const now = state.height ? `${state.height}p` : "";
  const sound = state.sounds.find(({ active }) => active);
  const text = state.texts.find(({ active }) => active);
  return (
    <>
      {state.sounds.length > 1 ? (
        <Menu
          name="Sound"
          icon="speech"
          current={sound?.name ?? "Sound"}
          test="sound"
          choices={state.sounds.map(({ key, name, active }) => ({ key, name, checked: active }))}
          open={open === "sound"}
          onOpen={(shown) => show("sound", shown)}
          onChoose={(key) => engine.chooseSound(key)}
        />
      ) : (
        <span />
      )}
      {state.texts.length > 0 ? (
        <Menu
          name="Subtitles"
          icon="text"
          current={text?.name ?? "Off"}
          test="text"
          choices={[
            { key: "", name: "Off", checked: !text },
            ...state.texts.map(({ key, name, active, forced }) => ({
              key,
              name,
              checked: active,
              ...(forced ? { aside: "forced" } : {}),
            })),
          ]}
          open={open === "text"}
          onOpen={(shown) => show("text", shown)}
          onChoose={(key) => engine.chooseText(key || null)}
        />
      ) : (
        <span />
      )}
      <Menu
        name="Quality"
        icon="quality"
        current={state.chosen === null ? `Auto ${now}` : now}
        test="quality"
        choices={qualities(state)}
        open={open === "quality"}
        onOpen={(shown) => show("quality", shown)}
        onChoose={(key) => engine.choose(key === "auto" ? null : Number(key))}
      />
    </>
  );
}

function qualities(state: PlayerState): Choice[] {
  const auto: Choice = { key: "auto", name: "Auto", checked: state.chosen === null };
  if (state.chosen === null && state.height) auto.aside = `now ${state.height}p`;
  return [
    auto,
    ...state.heights.map((height) => ({ key: String(height), name: `${height}p`, checked: state.chosen === height })),
  ];
}
