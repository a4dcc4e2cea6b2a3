// What is searched for, and where what it finds is shown.

/** The longest text that the API takes. */
export const QUERY_LENGTH_MAX = 100;

/** What a text asks for: one space between words, no longer than the API takes; empty if it asks for nothing. */
export function wanted(text: string | undefined): string {
  const words = Array.from((text ?? "").replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim());
  return words.slice(0, QUERY_LENGTH_MAX).join("").trim();
}

/** The address of what a search for `text` finds. */
export function searchPath(text: string): string {
  return `/search?q=${encodeURIComponent(wanted(text))}`;
}
