import assert from "node:assert/strict";
import { test } from "node:test";
import { after, isPressed, said, type Button } from "./opinion";

test("a button says what it is called, and takes it back when it is pressed again", () => {
  let taste = { liked: 0, listed: false };
  const press = (button: Button) => {
    const kind = said(taste, button);
    taste = after(taste, kind);
    return kind;
  };
  assert.deepEqual([press("like"), taste], ["like", { liked: 1, listed: false }]);
  assert.deepEqual([press("dislike"), taste], ["dislike", { liked: -1, listed: false }]);
  assert.deepEqual([press("list"), taste], ["list", { liked: -1, listed: true }]);
  assert.deepEqual([press("dislike"), taste], ["unlike", { liked: 0, listed: true }]);
  assert.deepEqual([press("list"), taste], ["unlist", { liked: 0, listed: false }]);
});

test("of like and dislike at most one is pressed", () => {
  const pressed = (liked: number) => (["like", "dislike", "list"] as const).filter((button) => isPressed({ liked, listed: true }, button));
  assert.deepEqual([pressed(1), pressed(0), pressed(-1)], [["like", "list"], ["list"], ["dislike", "list"]]);
});
