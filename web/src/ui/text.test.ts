import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, clock, guess, length, percent, titleFromFilename } from "./text";

test("clock", () => {
  const table: [number, string][] = [[0, "0:00"], [999, "0:00"], [75_000, "1:15"], [600_000, "10:00"], [3_725_000, "1:02:05"], [-5, "0:00"]];
  for (const [ms, text] of table) assert.equal(clock(ms), text);
});

test("length", () => {
  const table: [number, string][] = [[4_400, "4 s"], [60_000, "1 min"], [75_000, "1 min 15 s"], [1_800_000, "30 min"], [3_600_000, "1 h"], [5_400_000, "1 h 30 min"]];
  for (const [ms, text] of table) assert.equal(length(ms), text);
});

test("guess", () => {
  const table: [number, string][] = [
    [0, "less than a minute"], [59_000, "less than a minute"], [61_000, "about 2 min"], [479_500, "about 8 min"],
    [3_540_001, "about 1 h"], [4_201_000, "about 1 h 20 min"],
  ];
  for (const [ms, text] of table) assert.equal(guess(ms), text);
});

test("bytes", () => {
  const table: [number, string][] = [[0, "0 B"], [999, "999 B"], [1_500_000, "1.5 MB"], [999_600, "1.0 MB"], [123_456_789, "123 MB"], [2e15, "2000 TB"]];
  for (const [count, text] of table) assert.equal(bytes(count), text);
});

test("a hundred percent means done", () => {
  assert.equal(percent(0.999), "99 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(7), "100 %");
});

test("titles from file names", () => {
  const table: [string, string][] = [
    ["Big_Buck.Bunny-1080p.mp4", "Big Buck Bunny 1080p"],
    ["noextension", "noextension"],
    [".mp4", "mp4"],
    ["___.mkv", "Untitled"],
    ["Amélie (2001).mkv", "Amélie (2001)"],
    ["東京物語.mov", "東京物語"],
  ];
  for (const [name, title] of table) assert.equal(titleFromFilename(name), title);
  assert.equal(titleFromFilename("x".repeat(900)).length, 500);
});
