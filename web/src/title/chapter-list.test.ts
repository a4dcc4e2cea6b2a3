import assert from "node:assert/strict";
import { test } from "node:test";
import { chaptersOf, linesOf } from "./chapter-list";

test("a line is a chapter, which lasts until the next one", () => {
  assert.deepEqual(chaptersOf("0:00 Intro\n\n  1:15.5 The harbour \n1:02:05\n", 7_000_000), [
    { start_ms: 0, end_ms: 75_500, title: "Intro" },
    { start_ms: 75_500, end_ms: 3_725_000, title: "The harbour" },
    { start_ms: 3_725_000, end_ms: 7_000_000, title: "" },
  ]);
  assert.deepEqual(chaptersOf("90:00 Late", 6_000_000), [{ start_ms: 5_400_000, end_ms: 6_000_000, title: "Late" }]);
  assert.deepEqual(chaptersOf(" \n", 60_000), []);
});

test("what is written is read again as it was", () => {
  const chapters = [
    { start_ms: 0, end_ms: 61_040, title: "Intro" },
    { start_ms: 61_040, end_ms: 4_000_000, title: "" },
  ];
  assert.equal(linesOf(chapters), "0:00 Intro\n1:01.040");
  assert.deepEqual(chaptersOf(linesOf(chapters), 4_000_000), chapters);
});

test("a line that is no chapter is told", () => {
  for (const [text, reason] of [
    ["Intro", "“Intro” does not begin with a time such as 1:15"],
    ["0:75 Late", "“0:75 Late” does not begin with a time such as 1:15"],
    ["0:10 A\n0:05 B", "“0:05 B” is not after 0:10"],
    ["0:10 A\n0:10 B", "“0:10 B” is not after 0:10"],
    ["1:00 A", "“1:00 A” is not in the film, which ends at 1:00"],
  ] as const) {
    assert.equal(chaptersOf(text, 60_000), reason);
  }
});
