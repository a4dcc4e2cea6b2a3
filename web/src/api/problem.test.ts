import assert from "node:assert/strict";
import { test } from "node:test";
import { asProblem, parseProblem, Problem } from "./problem";

test("problem+json becomes a sentence with its code", () => {
  const problem = parseProblem(409, '{"title":"Conflict","detail":"the video is ready","code":"wrong_state"}');
  assert.equal(problem.status, 409);
  assert.equal(problem.code, "wrong_state");
  assert.equal(problem.message, "The video is ready.");
});

test("an answer that is no problem document still says something", () => {
  for (const body of ["<html>Bad gateway</html>", "", "null", "{}"]) {
    const problem = parseProblem(502, body);
    assert.equal(problem.code, "unknown");
    assert.match(problem.message, /502/);
  }
});

test("a failed fetch is the network, other errors keep their words", () => {
  assert.equal(asProblem(new TypeError("Failed to fetch")).code, "unreachable");
  assert.equal(asProblem(new Error("odd")).message, "odd");
  const known = new Problem(404, "not_found", "Gone.");
  assert.equal(asProblem(known), known);
});
