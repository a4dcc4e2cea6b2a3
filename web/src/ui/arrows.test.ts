import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest, type Box, type Direction } from "./arrows";

/** A grid of three columns and two rows, 100 by 60 each, 20 apart: 0 1 2 / 3 4 5. */
const GRID: Box[] = [0, 1, 2, 3, 4, 5].map((index) => {
  const [left, top] = [(index % 3) * 120, Math.floor(index / 3) * 80];
  return { left, top, right: left + 100, bottom: top + 60 };
});

function step(from: number, direction: Direction): number {
  const others = GRID.map((box, index) => ({ box, index })).filter(({ index }) => index !== from);
  const found = nearest(GRID[from] as Box, others.map(({ box }) => box), direction);
  return others[found]?.index ?? -1;
}

test("moves along rows and columns and stops at the border", () => {
  const table: [number, Direction, number][] = [
    [0, "right", 1], [1, "right", 2], [2, "right", -1], [4, "left", 3], [3, "left", -1],
    [0, "down", 3], [2, "down", 5], [4, "up", 1], [1, "up", -1], [5, "down", -1],
  ];
  for (const [from, direction, to] of table) assert.equal(step(from, direction), to, `${from} ${direction}`);
});

test("prefers what lies straight ahead over what is nearer but aside", () => {
  const from: Box = { left: 0, top: 0, right: 100, bottom: 40 };
  const aside: Box = { left: 300, top: 50, right: 340, bottom: 90 };
  const ahead: Box = { left: 0, top: 120, right: 100, bottom: 160 };
  assert.equal(nearest(from, [aside, ahead], "down"), 1);
});

test("a wide bar below is reached from any control above it, and back", () => {
  const bar: Box = { left: 0, top: 200, right: 1000, bottom: 210 };
  const buttons: Box[] = [0, 500, 950].map((left) => ({ left, top: 100, right: left + 44, bottom: 144 }));
  for (const button of buttons) assert.equal(nearest(button, [bar], "down"), 0);
  assert.equal(nearest(bar, buttons, "up"), 1);
});
