import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "./outbox";
import type { OpinionEvent } from "./types";

function event(id: string): OpinionEvent {
  return { id, video_id: "vid_1", kind: "like", happened_at: "2026-01-02T03:04:05Z" };
}

test("what comes while others are sent goes right after them, each once", async () => {
  const sent: string[][] = [];
  const answers: (() => void)[] = [];
  const outbox = new Outbox<OpinionEvent>((events) => {
    sent.push(events.map(({ id }) => id));
    return new Promise((resolve) => answers.push(resolve));
  });
  outbox.add(event("a"));
  const flushed = outbox.flush(false);
  outbox.add(event("b"));
  await outbox.flush(false);
  assert.deepEqual(sent, [["a"]]);
  answers.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(sent, [["a"], ["b"]]);
  answers.shift()?.();
  await flushed;
  await outbox.flush(true);
  assert.deepEqual(sent, [["a"], ["b"]]);
});

test("what could not be sent waits for the next time", async () => {
  let down = true;
  const sent: string[] = [];
  const outbox = new Outbox<OpinionEvent>((events) => {
    if (down) return Promise.reject(new Error("down"));
    sent.push(...events.map(({ id }) => id));
    return Promise.resolve();
  });
  outbox.add(event("a"));
  await outbox.flush(false);
  outbox.add(event("b"));
  down = false;
  await outbox.flush(false);
  assert.deepEqual(sent, ["a", "b"]);
});
