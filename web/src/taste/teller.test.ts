import assert from "node:assert/strict";
import { test } from "node:test";
import type { SearchEvent } from "../api/types";
import { Teller } from "./teller";

function event(id: string): SearchEvent {
  return { id, video_id: "vid_1", kind: "search_click", happened_at: "2026-01-02T03:04:05Z" };
}

test("what happens together is told together, and what cannot wait takes it along", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const sent: [string[], boolean][] = [];
  const teller = new Teller((events, last) => {
    sent.push([events.map(({ id }) => id), last]);
    return Promise.resolve();
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  teller.soon(event("a"));
  context.mock.timers.tick(1999);
  teller.soon(event("b"));
  assert.deepEqual(sent, []);
  context.mock.timers.tick(1);
  await settled();
  assert.deepEqual(sent.splice(0), [[["a", "b"], false]]);
  teller.soon(event("c"));
  teller.now(event("d"));
  await settled();
  context.mock.timers.tick(5000);
  await settled();
  assert.deepEqual(sent.splice(0), [[["c", "d"], false]]);
  teller.soon(event("e"));
  teller.flush(true);
  assert.deepEqual(sent, [[["e"], true]]);
});
