import assert from "node:assert/strict";
import { test } from "node:test";
import { Seen } from "./seen";

test("a card is seen after a whole second of at least half of it, and once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const told: number[] = [];
  const seen = new Seen((place) => told.push(place), () => true);
  seen.visible(0, 0.5);
  seen.visible(1, 0.49);
  context.mock.timers.tick(999);
  assert.deepEqual(told, []);
  context.mock.timers.tick(1);
  assert.deepEqual(told, [0]);
  seen.visible(0, 0);
  seen.visible(0, 1);
  context.mock.timers.tick(5000);
  assert.deepEqual(told, [0]);
});

test("what is scrolled past in less is not seen, however often", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const told: number[] = [];
  const seen = new Seen((place) => told.push(place), () => true);
  for (let round = 0; round < 3; round++) {
    seen.visible(0, 1);
    context.mock.timers.tick(900);
    seen.visible(0, 0.2);
    context.mock.timers.tick(900);
  }
  seen.visible(1, 1);
  seen.close();
  context.mock.timers.tick(5000);
  assert.deepEqual(told, []);
});

test("on a page that nobody looks at nothing is seen until somebody does", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const told: number[] = [];
  let looking = false;
  const seen = new Seen((place) => told.push(place), () => looking);
  seen.visible(0, 1);
  context.mock.timers.tick(10_000);
  assert.deepEqual(told, []);
  looking = true;
  context.mock.timers.tick(1000);
  assert.deepEqual(told, [0]);
});
