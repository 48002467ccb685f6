import assert from "node:assert/strict";
import { test } from "node:test";

import { keyIn, RoomPasses, unguessable } from "../../static/js/room-key.js";
import { MemoryStorage } from "./memory-storage.mjs";

const KEY = "k".repeat(43);

function passes(hash, ...rows) {
  const replaced = [];
  const history = { state: { kept: true }, replaceState: (...entry) => replaced.push(entry) };
  const location = { hash, pathname: "/r/den", search: "?x=1" };
  const storage = new MemoryStorage(rows);
  return { passes: new RoomPasses({ storage, history, location }), replaced, storage };
}

test("a key in the address is found, and nothing else is taken for one", () => {
  assert.deepEqual(keyIn(`#owner=${KEY}`), { kind: "owner", key: KEY });
  assert.deepEqual(keyIn(`#invite=${KEY}`), { kind: "invite", key: KEY });
  for (const hash of ["", "#12", "#owner=", "#owner=short", `#owner=${KEY} x`, `#OWNER=${KEY}`, `#admin=${KEY}`, `#invite=${"k".repeat(129)}`]) {
    assert.equal(keyIn(hash), null, hash);
  }
});

test("the key leaves the address bar at once, and is there for the join until it is answered", () => {
  const { passes: some, replaced } = passes(`#invite=${KEY}`);
  assert.equal(some.take("den"), true);
  assert.deepEqual(replaced, [[{ kept: true }, "", "/r/den?x=1"]]);
  assert.deepEqual(some.payload("den"), { invite: KEY });
  assert.deepEqual(some.payload("attic"), {});
  some.remove("den");
  assert.deepEqual(some.payload("den"), {});
});

test("an owner key is claimed, not joined with; without a key nothing happens", () => {
  const owner = passes(`#owner=${KEY}`);
  owner.passes.take("den");
  assert.deepEqual([owner.passes.get("den"), owner.passes.payload("den")], [{ kind: "owner", key: KEY }, {}]);
  const none = passes("#12");
  assert.deepEqual([none.passes.take("den"), none.replaced], [false, []]);
});

test("what is stored is checked as from a stranger", () => {
  for (const row of ['{"kind":"invite"}', '{"kind":"invite","key":"<b>"}', '{"kind":"king"}', "nonsense", "null", "[]"]) {
    assert.equal(passes("", ["pass:den", row]).passes.get("den"), null, row);
  }
});

test("an unlisted room is made unlisted", () => {
  const { passes: some } = passes("");
  some.set("den-abc", { kind: "unlisted" });
  assert.deepEqual(some.payload("den-abc"), { listed: false });
});

test("nobody guesses the name of an unlisted room, and it is a name", () => {
  const one = unguessable("den");
  assert.match(one, /^den-[a-z0-9]{10}$/);
  assert.notEqual(one, unguessable("den"));
  assert.match(unguessable("x".repeat(64)), /^x{53}-[a-z0-9]{10}$/);
  const biased = unguessable("den", (bytes) => bytes.fill(255).fill(0, 0, 1)); // what would favour some letters is thrown away
  assert.equal(biased, "den-aaaaaaaaaa");
});
