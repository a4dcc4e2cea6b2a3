// What the quality, sound and subtitle menus offer, and the variant that a choice means. Pure: works on plain track lists.

export interface VariantTrack {
  id: number;
  active: boolean;
  height: number | null;
  bandwidth: number;
  language: string;
  audioLabel: string | null;
  channels: number | null;
}

export interface SoundTrack {
  active: boolean;
  language: string;
  label: string | null;
}

export interface TextTrack {
  active: boolean;
  language: string;
  label: string | null;
  forced: boolean;
}

/** One entry of the sound menu. */
export interface Sound {
  key: string;
  name: string;
  active: boolean;
}

/** One entry of the subtitle menu. */
export interface Text extends Sound {
  /** Only what everybody has to read. */
  forced: boolean;
}

/** The heights on offer, tallest first: those of `tracks` and those that were `known` before. */
export function heights(tracks: VariantTrack[], known: number[] = []): number[] {
  const found = new Set<number>(known);
  for (const { height } of tracks) if (height) found.add(height);
  return Array.from(found).sort((a, b) => b - a);
}

/** The best variant of `height` (or of the nearest height there is) that keeps the sound that is heard now, stereo or 5.1. */
export function variantFor<T extends VariantTrack>(tracks: T[], height: number): T | null {
  const active = tracks.find((track) => track.active);
  const sounding = tracks.filter(
    (track) =>
      !active ||
      (track.language === active.language && track.audioLabel === active.audioLabel && track.channels === active.channels),
  );
  const distance = (track: T) => Math.abs((track.height ?? 0) - height);
  const sorted = [...sounding].sort((a, b) => distance(a) - distance(b) || b.bandwidth - a.bandwidth);
  return sorted[0] ?? null;
}

/** One entry for each language and label, however many bitrates it has. */
export function sounds(tracks: SoundTrack[], names: (language: string) => string): Sound[] {
  const found = new Map<string, Sound>();
  for (const track of tracks) {
    const key = trackKey(track);
    const active = track.active || (found.get(key)?.active ?? false);
    found.set(key, { key, name: trackName(track, names), active });
  }
  return Array.from(found.values());
}

/** One entry for each subtitle track. */
export function texts(tracks: TextTrack[], names: (language: string) => string): Text[] {
  return tracks.map((track) => ({
    key: trackKey(track),
    name: trackName(track, names),
    active: track.active,
    forced: track.forced,
  }));
}

/** What a choice of sound or subtitles is kept by. */
export function trackKey(track: { language: string; label: string | null }): string {
  return `${track.language}/${track.label ?? ""}`;
}

function trackName(track: { language: string; label: string | null }, names: (language: string) => string): string {
  // Tracks without a title are labelled by their language, in two letters or three.
  return track.label && !/^[a-z]{2,3}$/.test(track.label) ? track.label : names(track.language);
}

/** The name of a language in the viewer's own, where the browser knows it (Chrome 81). */
export function languageName(code: string): string {
  if (code === "" || code === "und") return "Original";
  const names = (Intl as { DisplayNames?: new (locales: undefined, options: { type: string }) => { of(code: string): string | undefined } })
    .DisplayNames;
  try {
    return (names && new names(undefined, { type: "language" }).of(code)) || code;
  } catch {
    return code;
  }
}
