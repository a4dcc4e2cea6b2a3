import assert from "node:assert/strict";
import { test } from "node:test";
import { chapterAt, marks, skippableAt } from "./chapters";

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

test("intro and credits can be passed over until they are as good as over", () => {
  const chapters = [
    { title: "Intro", start_ms: 5000, end_ms: 9000, role: "intro" as const },
    { title: "One", start_ms: 9000, end_ms: 90_000 },
    { title: "Credits", start_ms: 90_000, end_ms: 99_000, role: "credits" as const },
  ];
  const role = (position_s: number) => skippableAt(chapters, position_s)?.role ?? null;
  assert.deepEqual([0, 5, 7.9, 8, 50, 90, 98.5].map(role), [null, "intro", "intro", null, null, "credits", null]);
});
