import assert from "node:assert/strict";
import { test } from "node:test";
import { searchClicks } from "./clicks";

test("each title that is chosen is told of once", () => {
  const choose = searchClicks();
  const now = new Date("2026-01-02T03:04:05Z");
  const told = ["vid_1", "vid_2", "vid_1"].map((id) => choose(id, now));
  assert.deepEqual(
    told.map((event) => event && { ...event, id: "" }),
    [
      { id: "", video_id: "vid_1", kind: "search_click", happened_at: "2026-01-02T03:04:05.000Z" },
      { id: "", video_id: "vid_2", kind: "search_click", happened_at: "2026-01-02T03:04:05.000Z" },
      null,
    ],
  );
  assert.notEqual(told[0]?.id, told[1]?.id);
});
