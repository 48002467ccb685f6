import assert from "node:assert/strict";
import { test } from "node:test";

import { Identity } from "../../static/js/identity.js";
import { MemoryStorage } from "./memory-storage.mjs";

const known = (id, nickname) => [["nickname", nickname], ["person", JSON.stringify({ id, nickname })]];

/** A page of a browser that has stored so much. */
function page(...rows) {
  const local = new MemoryStorage(rows);
  const session = new MemoryStorage();
  return { me: new Identity({ local, session }), local, again: () => new Identity({ local, session }) };
}

test("who has never been here has no wish, so the dialog asks", () => {
  const { me } = page();
  assert.deepEqual([me.wish, me.auth], ["", {}]);
});

test("a new visitor's wish is told until the server agrees, in its own spelling", () => {
  const { me, again } = page();
  me.setWish("Ann  B");
  assert.deepEqual(me.auth, { nickname: "Ann  B" });
  me.welcome({ id: "1", nickname: "Ann B" });
  assert.deepEqual([me.id, me.nickname, me.pendingWish], ["1", "Ann  B", "Ann  B"]);
  me.confirm({ id: "1", nickname: "Ann B" });
  assert.deepEqual([me.nickname, me.wish, me.pendingWish], ["Ann B", "Ann B", ""]);
  assert.deepEqual(again().auth, {});
});

test("a wish that was passed over at the welcome is still one's own, and asked for at the join", () => {
  const { me } = page(["nickname", "ann"]);
  me.welcome({ id: "1", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.nickname, me.pendingWish], ["ann", "ann"]);
});

test("renamed on another device: this one takes it over", () => {
  const { me, again } = page(...known("1", "ann"));
  assert.deepEqual(me.auth, {});
  me.welcome({ id: "1", nickname: "Annie" });
  assert.deepEqual([me.nickname, me.wish, me.pendingWish], ["Annie", "Annie", ""]);
  assert.equal(again().nickname, "Annie");
});

test("a name chosen on the landing page is asked for at the join, whatever the server thinks", () => {
  const { me, local } = page(...known("1", "ann"));
  local.set("nickname", "Zoe");
  assert.deepEqual(me.auth, {});
  me.welcome({ id: "1", nickname: "ann" });
  assert.deepEqual([me.nickname, me.pendingWish], ["Zoe", "Zoe"]);
});

test("a database that was lost knows only a guest: the name is claimed again", () => {
  const { me } = page(...known("1", "ann"));
  me.welcome({ id: "2", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.id, me.nickname, me.pendingWish], ["2", "ann", "ann"]);
  me.confirm({ id: "2", nickname: "ann" });
  assert.equal(me.pendingWish, "");
});

test("a name that went to another while one was away is asked for, so that one is told", () => {
  const { me } = page(...known("1", "ann"));
  me.welcome({ id: "1", nickname: "guest-0a1b2c" });
  assert.equal(me.pendingWish, "ann");
});

test("a guest whom the server still knows stays one", () => {
  const { me } = page(...known("1", "guest-0a1b2c"));
  me.welcome({ id: "1", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.nickname, me.pendingWish], ["guest-0a1b2c", ""]);
});

test("identified in this browser by a page that did not live to note it: the reserved name stands", () => {
  const { me } = page(...known("1", "guest-0a1b2c"));
  me.welcome({ id: "2", nickname: "ann", reserved: true });
  assert.deepEqual([me.id, me.wish, me.pendingWish, me.reserved], ["2", "ann", "", true]);
});

test("what another tab was named counts here, too", () => {
  const { me, again } = page();
  again().confirm({ id: "1", nickname: "ann" });
  assert.deepEqual(me.auth, {});
  me.welcome({ id: "1", nickname: "ann" });
  assert.equal(me.nickname, "ann");
});

test("the mark of a reservation comes and goes with what the server tells", () => {
  const { me } = page(...known("1", "ann"));
  me.welcome({ id: "1", nickname: "ann", reserved: true });
  assert.equal(me.reserved, true);
  me.confirm({ id: "1", nickname: "ann" });
  assert.equal(me.reserved, false);
});

test("where there are no cookies the token goes with the handshake, through reloads", () => {
  const { me, again } = page(["nickname", "ann"]);
  me.welcome({ id: "1", nickname: "ann" }, "secret");
  me.confirm({ id: "1", nickname: "ann" });
  assert.deepEqual([me.auth, again().auth], [{ token: "secret" }, { token: "secret" }]);
});

test("a broken row in the storage harms nobody", () => {
  for (const row of ["{", "null", "5", ""]) {
    const { me } = page(["nickname", "ann"], ["person", row]);
    me.welcome({ id: "1", nickname: "ann" });
    assert.deepEqual([me.nickname, me.pendingWish], ["ann", "ann"]);
  }
});
