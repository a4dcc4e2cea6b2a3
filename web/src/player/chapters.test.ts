import assert from "node:assert/strict";
import { test } from "node:test";
import { chapterAt, marks } from "./chapters";

const CHAPTERS = [
  { title: "One", start_s: 0, end_s: 10 },
  { title: "Inside", start_s: 2, end_s: 4 },
  { title: "Two", start_s: 10, end_s: 30 },
];

test("a position is in the innermost chapter", () => {
  const title = (position_s: number) => chapterAt(CHAPTERS, position_s)?.title ?? null;
  assert.deepEqual([0, 3, 4, 10, 30].map(title), ["One", "Inside", "One", "Two", null]);
  assert.equal(chapterAt([], 1), null);
});

test("the bar has marks where chapters meet, not at its ends", () => {
  assert.deepEqual(marks(CHAPTERS, 30), [2, 4, 10]);
  assert.deepEqual(marks(CHAPTERS, 9), [2, 4]);
});
