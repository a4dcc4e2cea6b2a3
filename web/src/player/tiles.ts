// Preview pictures: a WebVTT file whose cues name parts of images.

/** A part of an image that shows what the film shows from `start_s` on. */
export interface Tile {
  start_s: number;
  url: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Reads the index at address `base`; cues that name no part of an image are left out. */
export function parseTiles(text: string, base: string): Tile[] {
  const tiles: Tile[] = [];
  for (const block of text.replace(/\r\n?/g, "\n").split(/\n{2,}/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes("-->"));
    const [start_s, target] = [seconds(lines[at]?.split("-->")[0] ?? ""), lines[at + 1]];
    const part = /^(.+)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(target?.trim() ?? "");
    if (at < 0 || start_s === null || !part) continue;
    const [x = 0, y = 0, width = 0, height = 0] = part.slice(2).map(Number);
    tiles.push({ start_s, url: new URL(part[1] ?? "", base).href, x, y, width, height });
  }
  return tiles.sort((one, other) => one.start_s - other.start_s);
}

/** What is shown at `at_s`: the last tile that begins by then. */
export function tileAt(tiles: Tile[], at_s: number): Tile | null {
  let [low, high] = [0, tiles.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tiles[middle]?.start_s ?? Infinity) <= at_s) low = middle + 1;
    else high = middle;
  }
  return tiles[low - 1] ?? null;
}

/** The tiles whose index is at `address`. A film without them plays all the same. */
export async function loadTiles(address: string | null | undefined): Promise<Tile[]> {
  if (!address) return [];
  try {
    const response = await fetch(address);
    return response.ok ? parseTiles(await response.text(), address) : [];
  } catch {
    return [];
  }
}

/** `[hh:]mm:ss.ttt` in seconds. */
function seconds(time: string): number | null {
  const found = /^(?:(\d+):)?(\d{2}):(\d{2}\.\d{3})$/.exec(time.trim());
  return found ? Number(found[1] ?? 0) * 3600 + Number(found[2]) * 60 + Number(found[3]) : null;
}
