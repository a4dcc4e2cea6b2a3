import assert from "node:assert/strict";
import { test } from "node:test";
import { command } from "./commands";

test("keys on the picture", () => {
  assert.deepEqual(command(" ", 32, false), { do: "toggle" });
  assert.deepEqual(command("K", 75, false), { do: "toggle" });
  assert.deepEqual(command("ArrowRight", 39, false), { do: "skip", seconds: 10 });
  assert.deepEqual(command("ArrowDown", 40, false), { do: "controls" });
  assert.deepEqual(command("7", 55, false), { do: "part", share: 0.7 });
  assert.equal(command("q", 81, false), null);
});

test("a focused control keeps arrows, space and enter, and nothing else", () => {
  for (const key of [" ", "Enter", "ArrowLeft", "ArrowDown"]) assert.equal(command(key, 0, true), null);
  assert.deepEqual(command("f", 70, true), { do: "fullscreen" });
  assert.deepEqual(command("Escape", 27, true), { do: "leave" });
});

test("remote controls without key names", () => {
  assert.deepEqual(command("Unidentified", 461, true), { do: "leave" });
  assert.deepEqual(command("", 415, false), { do: "play" });
});
