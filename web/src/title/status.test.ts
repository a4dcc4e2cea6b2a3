import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts, Status, Video } from "../api/types";
import { isWorking, statusLine, stepName, steps } from "./status";

const NO_FACTS: Facts = { genres: [], people: [], year: null, language: null, maturity_age: null, territories: null, description: null,
  available_from: null, available_until: null };

function video(status: Status, progress = 0): Video {
  return { id: "vid_1", title: "A", facts: NO_FACTS, status, playable: false, progress, ready_in_ms: null, duration_ms: null, poster: null, failure: null,
    change: null, created_at: "", ready_at: null, owner_id: "usr_1" };
}

test("every status has words, and encoding says how far it is", () => {
  assert.equal(statusLine(video("encoding", 0.427)), "Encoding, 42 %");
  assert.equal(stepName(video("encoding", 0.427)), stepName(video("encoding", 0.428)), "a step keeps its name");
  const all: Status[] = ["created", "uploading", "uploaded", "inspecting", "encoding", "publishing", "ready", "failed"];
  assert.equal(new Set(all.map((status) => statusLine(video(status)))).size, all.length);
  assert.deepEqual(all.filter((status) => !isWorking(video(status))), ["ready", "failed"]);
});

test("steps walk from the first to beyond the last", () => {
  const states = (status: Status) => steps(video(status)).map((step) => step.state);
  assert.deepEqual(states("uploading"), ["now", "ahead", "ahead", "ahead"]);
  assert.deepEqual(states("encoding"), ["done", "done", "now", "ahead"]);
  assert.deepEqual(states("ready"), ["done", "done", "done", "done"]);
  assert.deepEqual(states("failed"), ["ahead", "ahead", "ahead", "ahead"]);
});
