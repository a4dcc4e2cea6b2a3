import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "../api/types";
import { changes, formOf, line } from "./facts";

const FACTS: Facts = {
  genres: ["Crime", "Drama"],
  people: ["Sammy Davis, Jr."],
  year: 1931,
  language: "de",
  maturity_age: 0,
  territories: null,
  description: null,
  available_from: null,
  available_until: null,
};
const NONE: Facts = { ...FACTS, genres: [], people: [], year: null, language: null, maturity_age: null };

test("a form changes what was written in it and nothing else", () => {
  assert.deepEqual(changes(FACTS, formOf(FACTS)), {});
  const form = { ...formOf(FACTS), genres: " Noir ,, Crime ", year: "", maturity_age: "12" };
  assert.deepEqual(changes(FACTS, form), { genres: ["Noir", "Crime"], year: null, maturity_age: 12 });
  assert.deepEqual(changes(NONE, { ...formOf(NONE), people: "Ada", language: " pt-BR " }), { people: ["Ada"], language: "pt-BR" });
  assert.deepEqual(changes(FACTS, { ...formOf(FACTS), language: " " }), { language: null });
});

test("what is not known is not in the line", () => {
  assert.deepEqual(line(FACTS), ["1931", "Crime, Drama", "0+"]);
  assert.deepEqual(line(NONE), []);
});
