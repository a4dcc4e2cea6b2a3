import assert from "node:assert/strict";
import { test } from "node:test";
import type { Recommendation } from "../api/types";
import { choiceEvent, rowsOf } from "./choices";

const NOW = new Date("2026-01-02T03:04:05Z");

function item(rest: Partial<Recommendation>): Recommendation {
  return { id: "vid_1", title: "M", duration_ms: null, poster: null, reason: { code: "new", message: "New" }, ...rest };
}

test("a recommendation that says nothing of how it was chosen is told with its row and place alone", () => {
  const event = choiceEvent("impression", { row: "new", items: [item({}), item({ id: "vid_2" })] }, 1, NOW);
  assert.deepEqual(
    { ...event, id: "" },
    { id: "", video_id: "vid_2", kind: "impression", row: "new", place: 1, happened_at: "2026-01-02T03:04:05.000Z" },
  );
  assert.equal(choiceEvent("click", { row: "new", items: [item({})] }, 1, NOW), null);
});

test("what is said of how it was chosen goes back as it came, the item's own before the whole's", () => {
  const whole = { model_id: "m1", experiment: "blend", variant: "a", row: "top", propensity: null };
  const event = choiceEvent("click", { ...whole, items: [item({ propensity: 0.25, variant: "b" })] }, 0, NOW);
  const { model_id, experiment, variant, row, propensity } = event ?? {};
  assert.deepEqual([model_id, experiment, variant, row, propensity], ["m1", "blend", "b", "top", 0.25]);
});

test("rows that show nothing are left out, and what chose all of them is told of each", () => {
  const rows = [
    { row: "top", title: "Top picks", items: [item({ propensity: 1 })] },
    { row: "again", title: "Watch again", items: [] },
    { row: "genre:crime", title: "Crime", items: [item({ id: "vid_2", propensity: 0.5 })] },
  ];
  const shown = rowsOf({ model_id: "m1", experiment: "dial", variant: "low", rows });
  assert.deepEqual(shown.map(({ title }) => title), ["Top picks", "Crime"]);
  const told = shown.map((row) => choiceEvent("impression", row, 0, NOW));
  assert.deepEqual(told.map((event) => [event?.row, event?.place, event?.model_id, event?.propensity]), [
    ["top", 0, "m1", 1],
    ["genre:crime", 0, "m1", 0.5],
  ]);
  assert.deepEqual(told.map((event) => [event?.experiment, event?.variant]), [
    ["dial", "low"],
    ["dial", "low"],
  ]);
  const [untrained] = rowsOf({ model_id: null, experiment: null, variant: null, rows });
  assert.equal("model_id" in (untrained ? (choiceEvent("click", untrained, 0, NOW) ?? {}) : {}), false);
});
