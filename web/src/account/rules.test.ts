import assert from "node:assert/strict";
import { test } from "node:test";
import { changedRules, rulesForm, type RulesForm } from "./rules";

const RULES = { maturity_age_max: 12, genres_hidden: ["Horror", "Crime, true"] };

test("a form that says what holds changes nothing", () => {
  assert.deepEqual(changedRules(RULES, rulesForm(RULES)), {});
  assert.deepEqual(rulesForm({ maturity_age_max: null, genres_hidden: [] }), { maturity_age_max: "", genres_hidden: "" });
});

test("only what is written otherwise changes, and an empty field takes its rule away", () => {
  const table: [Partial<RulesForm>, object][] = [
    [{ maturity_age_max: "6" }, { maturity_age_max: 6 }],
    [{ maturity_age_max: "0" }, { maturity_age_max: 0 }],
    [{ maturity_age_max: " " }, { maturity_age_max: null }],
    [{ genres_hidden: " Horror ,, War" }, { genres_hidden: ["Horror", "War"] }],
    [{ genres_hidden: "" }, { genres_hidden: [] }],
  ];
  for (const [written, expected] of table) {
    assert.deepEqual(changedRules(RULES, { ...rulesForm(RULES), ...written }), expected);
  }
});
