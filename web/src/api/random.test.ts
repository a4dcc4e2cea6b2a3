import assert from "node:assert/strict";
import { test } from "node:test";
import { uuid } from "./random";

const V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("is a version 4 UUID with and without the browser's own", () => {
  assert.match(uuid(), V4);
  const own = crypto.randomUUID;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    assert.match(uuid(), V4);
    assert.notEqual(uuid(), uuid());
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: own, configurable: true });
  }
});
