import assert from "node:assert/strict";
import { test } from "node:test";
import type { Me, Role } from "../api/types";
import { mayEdit, mayUpload } from "./rights";

function me(role: Role): Me {
  return { id: "usr_1", email: "", name: "", role, profiles: [] };
}

test("who may upload, edit a video of their own, and one of somebody else", () => {
  const table: [Role, boolean, boolean, boolean][] = [
    ["viewer", false, false, false],
    ["editor", true, true, false],
    ["publisher", true, true, true],
    ["operator", true, true, true],
    ["admin", true, true, true],
  ];
  for (const [role, upload, own, foreign] of table) {
    assert.equal(mayUpload(me(role)), upload, `${role} uploads`);
    assert.equal(mayEdit(me(role), { owner_id: "usr_1" }), own, `${role} edits their own`);
    assert.equal(mayEdit(me(role), { owner_id: "usr_2" }), foreign, `${role} edits a foreign one`);
  }
});
