// Numbers as people read them.

/** `75_000` → `1:15`, `3_725_000` → `1:02:05`. Part seconds are dropped. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, "0")}:${String(rest).padStart(2, "0")}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** A running time in words: `45 s`, `1 min 15 s`, `1 h 2 min`. */
export function length(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${seconds} s`;
  if (minutes < 10) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
}

/** How long something will still take, no more exact than a guess is: `less than a minute`, `about 8 min`, `about 1 h 20 min`. */
export function guess(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (minutes <= 1) return "less than a minute";
  return `about ${length((minutes < 60 ? minutes : Math.ceil(minutes / 10) * 10) * 60_000)}`;
}

/** The day of a time, as the viewer writes days. */
export function day(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

/** `1_500_000` → `1.5 MB`. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, unit] = [count, 0];
  while (value >= 999.5 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ""}`;
}

/** `0.456` → `45 %`: rounded down, so that 100 % means done. */
export function percent(share: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, share)) * 100)} %`;
}

/** A title from the name of a file: `Big_Buck.Bunny-1080p.mp4` → `Big Buck Bunny 1080p`. */
export function titleFromFilename(name: string): string {
  const stem = name.replace(/\.[A-Za-z0-9]{1,5}$/, "");
  const words = (stem || name).replace(/[._-]+/g, " ").replace(/\s+/g, " ").trim();
  return (words || "Untitled").slice(0, 500);
}
