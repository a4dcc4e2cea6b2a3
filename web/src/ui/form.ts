// What people write in forms, as values.

/** Names with commas between them. */
export function names(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** A number; null if nothing is written. */
export function number(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}
