// The picture that stands for a title, under its name; until there is one, a colour of its own.

import "./poster.css";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export function Poster({ name, src, children }: { name: string; src: string | null; children?: ComponentChildren }) {
  return (
    <div class="poster poster-wide" style={coloured(name)}>
      <PosterPicture src={src} />
      <span class="poster-name">{name}</span>
      {children ? <span class="poster-mark">{children}</span> : null}
    </div>
  );
}

/** The picture inside an element of the class `poster`. One that cannot be had leaves the colour. */
export function PosterPicture({ src }: { src: string | null }) {
  const [failed, setFailed] = useState<string | null>(null);
  if (!src || failed === src) return null;
  return <img class="poster-picture" src={src} alt="" loading="lazy" data-test="poster" onError={() => setFailed(src)} />;
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
