import assert from "node:assert/strict";
import { test } from "node:test";
import type { WatchEvent } from "../api/types";
import { Reporter } from "./reporter";

/** A reporter with its own clock; `sent` holds every batch that arrived. */
function setUp() {
  const world = { ms: 0, down: false, sent: [] as { events: WatchEvent[]; last: boolean }[] };
  const send = (events: WatchEvent[], last: boolean) => {
    if (world.down) return Promise.reject(new Error("down"));
    world.sent.push({ events: [...events], last });
    return Promise.resolve();
  };
  return { world, reporter: new Reporter("vid_1", send, () => new Date(world.ms)) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const kinds = (batches: { events: WatchEvent[] }[]) => batches.flatMap(({ events }) => events.map(({ kind }) => kind));

test("start, progress every ten seconds, stop with the page's last breath", async () => {
  const { world, reporter } = setUp();
  for (world.ms = 0; world.ms <= 25_000; world.ms += 250) {
    reporter.at(world.ms);
    await settled();
  }
  reporter.left(25_000, 100_000);
  await settled();
  assert.deepEqual(kinds(world.sent), ["start", "progress", "progress", "stop"]);
  assert.equal(world.sent[3]?.last, true);
  assert.equal(world.sent[3]?.events[0]?.position_ms, 25_000);
});

test("the end is reported once, and leaving in the credits counts as the end", async () => {
  const first = setUp();
  first.reporter.at(0);
  await settled();
  first.reporter.ended(60_000);
  await settled();
  first.reporter.left(60_000, 60_000);
  await settled();
  assert.deepEqual(kinds(first.world.sent), ["start", "finish"]);

  const second = setUp();
  second.reporter.at(0);
  await settled();
  second.reporter.left(59_000, 60_000);
  await settled();
  assert.deepEqual(kinds(second.world.sent), ["start", "finish"]);
});

test("a film that is left soon after its beginning is abandoned, and one that was ever seen further is not", async () => {
  const kindOf = async (positionsMs: number[], durationMs: number | null) => {
    const { world, reporter } = setUp();
    for (const position of positionsMs) reporter.at(position);
    await settled();
    reporter.left(positionsMs[positionsMs.length - 1] ?? 0, durationMs);
    await settled();
    return kinds(world.sent).pop();
  };
  assert.equal(await kindOf([0, 5_999], 60_000), "abandon");
  assert.equal(await kindOf([0, 6_000], 60_000), "stop");
  assert.equal(await kindOf([0, 6_000, 1_000], 60_000), "stop");
  assert.equal(await kindOf([0, 299_000], 7_200_000), "abandon");
  assert.equal(await kindOf([0, 301_000], 7_200_000), "stop");
  assert.equal(await kindOf([0, 1_000], null), "stop");
});

test("nothing is reported for a film that never ran", async () => {
  const { world, reporter } = setUp();
  reporter.paused(0);
  reporter.left(0, null);
  await settled();
  assert.deepEqual(world.sent, []);
});

test("what could not be sent goes with the next report, under the same ids, and no more than fifty", async () => {
  const { world, reporter } = setUp();
  world.down = true;
  for (let report = 0; report < 60; report++) {
    world.ms += 10_000;
    reporter.at(report);
    await settled();
  }
  world.down = false;
  world.ms += 10_000;
  reporter.at(61);
  await settled();
  assert.equal(world.sent.length, 1);
  const events = world.sent[0]?.events ?? [];
  assert.equal(events.length, 50);
  assert.equal(new Set(events.map(({ id }) => id)).size, 50);
  assert.equal(events[49]?.position_ms, 61);
});
