// What keys mean to the player: keyboards, and the remote controls of television sets.

export type Command =
  | { do: "toggle" }
  | { do: "play" }
  | { do: "pause" }
  | { do: "skip"; seconds: number }
  | { do: "part"; share: number }
  | { do: "louder"; by: number }
  | { do: "mute" }
  | { do: "fullscreen" }
  | { do: "leave" }
  | { do: "controls" };

const SKIP_S = 10;
const VOLUME_STEP = 0.1;

const COMMANDS: Record<string, Command> = {
  " ": { do: "toggle" },
  Enter: { do: "toggle" },
  k: { do: "toggle" },
  MediaPlayPause: { do: "toggle" },
  MediaPlay: { do: "play" },
  MediaPause: { do: "pause" },
  MediaStop: { do: "leave" },
  ArrowLeft: { do: "skip", seconds: -SKIP_S },
  ArrowRight: { do: "skip", seconds: SKIP_S },
  j: { do: "skip", seconds: -SKIP_S },
  l: { do: "skip", seconds: SKIP_S },
  MediaRewind: { do: "skip", seconds: -SKIP_S },
  MediaFastForward: { do: "skip", seconds: SKIP_S },
  ArrowUp: { do: "controls" },
  ArrowDown: { do: "controls" },
  "+": { do: "louder", by: VOLUME_STEP },
  "-": { do: "louder", by: -VOLUME_STEP },
  m: { do: "mute" },
  f: { do: "fullscreen" },
  Home: { do: "part", share: 0 },
  Escape: { do: "leave" },
  GoBack: { do: "leave" },
  BrowserBack: { do: "leave" },
  XF86Back: { do: "leave" },
};

/** Keys that only old sets have, by their numbers: back on webOS and Tizen, the transport keys of HbbTV. */
const NUMBERED: Record<number, Command> = {
  461: { do: "leave" },
  10009: { do: "leave" },
  413: { do: "leave" },
  415: { do: "play" },
  19: { do: "pause" },
  10252: { do: "toggle" },
  412: { do: "skip", seconds: -SKIP_S },
  417: { do: "skip", seconds: SKIP_S },
};

/** Keys that a focused control keeps for itself. */
const OF_CONTROLS = new Set([" ", "Enter", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home"]);

/** The command of a key, or null. `onControl`: the focus is on a control rather than on the picture. */
export function command(key: string, keyCode: number, onControl: boolean): Command | null {
  if (onControl && OF_CONTROLS.has(key)) return null;
  if (/^[0-9]$/.test(key)) return { do: "part", share: Number(key) / 10 };
  return COMMANDS[key.length === 1 ? key.toLowerCase() : key] ?? NUMBERED[keyCode] ?? null;
}
