// The picture that stands for a title: its name on a colour of its own.

import "./poster.css";
import type { ComponentChildren } from "preact";

export function Poster({ name, children }: { name: string; children?: ComponentChildren }) {
  return (
    <div class="poster poster-wide" style={coloured(name)}>
      <span class="poster-name">{name}</span>
      {children ? <span class="poster-mark">{children}</span> : null}
    </div>
  );
}

/** Gives an element of the class `poster` the colour of `name`. */
export function coloured(name: string): { "--hue": string } {
  return { "--hue": String(hue(name)) };
}

/** A hue in degrees, the same for the same name (FNV-1a). */
export function hue(name: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return (hash >>> 0) % 360;
}
