import assert from "node:assert/strict";
import { test } from "node:test";
import { Speed } from "./speed";

test("no rate is told before it is known, then the steady one", () => {
  const speed = new Speed();
  assert.equal(speed.at(0, 0), null);
  assert.equal(speed.at(1000, 1000), null);
  assert.equal(speed.at(2000, 2000), 1000);
  assert.equal(speed.at(4000, 4000), 1000);
});

test("follows a change within its window", () => {
  const speed = new Speed();
  for (let s = 0; s <= 20; s++) speed.at(s * 1000, s * 1000);
  let rate: number | null = null;
  for (let s = 21; s <= 40; s++) rate = speed.at(s * 1000, 20_000 + (s - 20) * 5000);
  assert.equal(rate, 5000);
});

test("starts anew when the transfer went back, and tells nothing while nothing moves", () => {
  const speed = new Speed();
  speed.at(0, 5000);
  speed.at(3000, 8000);
  assert.equal(speed.at(4000, 1000), null);
  assert.equal(speed.at(7000, 1000), null);
  assert.equal(speed.at(8000, 3000), 500);
});
