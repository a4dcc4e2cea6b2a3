import assert from "node:assert/strict";
import { test } from "node:test";
import { searchPath, wanted } from "./query";

test("a text asks for its words, and for no more than the API takes", () => {
  const table: [string | undefined, string][] = [
    [undefined, ""],
    ["  ", ""],
    ["  Peter \t\u0000 Lorre\n", "Peter Lorre"],
    ["x".repeat(101), "x".repeat(100)],
    ["😀".repeat(101), "😀".repeat(100)],
    [`${"x".repeat(99)} y`, "x".repeat(99)],
  ];
  for (const [text, expected] of table) assert.equal(wanted(text), expected);
});

test("an address says what is searched for, whatever it is", () => {
  for (const text of ["100% & more", "a+b=c#d?", "Ängste"]) {
    assert.equal(new URL(searchPath(text), "http://a").searchParams.get("q"), text);
  }
});
