import assert from "node:assert/strict";
import { test } from "node:test";

import { Myself } from "../../static/js/myself.js";
import { MemoryShelf } from "./shelf.mjs";

const known = (id, nickname) => [["nickname", nickname], ["person", JSON.stringify({ id, nickname })]];

/** A page of a browser that has stored so much. */
function page(...rows) {
  const local = new MemoryShelf(rows);
  const session = new MemoryShelf();
  return { me: new Myself({ local, session }), local, again: () => new Myself({ local, session }) };
}

test("who has never been here has no wish, so the door asks", () => {
  const { me } = page();
  assert.deepEqual([me.wish, me.auth], ["", {}]);
});

test("a new visitor's wish is told until the server agrees, in its own spelling", () => {
  const { me, again } = page();
  me.wishFor("Ann  B");
  assert.deepEqual(me.auth, { nickname: "Ann  B" });
  me.greet({ id: "1", nickname: "Ann B" });
  assert.deepEqual([me.id, me.nickname, me.pending], ["1", "Ann  B", "Ann  B"]);
  me.bear({ id: "1", nickname: "Ann B" });
  assert.deepEqual([me.nickname, me.wish, me.pending], ["Ann B", "Ann B", ""]);
  assert.deepEqual(again().auth, {});
});

test("a wish that was passed over at the welcome is still one's own, and asked for at the join", () => {
  const { me } = page(["nickname", "ann"]);
  me.greet({ id: "1", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.nickname, me.pending], ["ann", "ann"]);
});

test("renamed on another device: this one takes it over", () => {
  const { me, again } = page(...known("1", "ann"));
  assert.deepEqual(me.auth, {});
  me.greet({ id: "1", nickname: "Annie" });
  assert.deepEqual([me.nickname, me.wish, me.pending], ["Annie", "Annie", ""]);
  assert.equal(again().nickname, "Annie");
});

test("a name chosen at the front door is asked for at the join, whatever the server thinks", () => {
  const { me, local } = page(...known("1", "ann"));
  local.set("nickname", "Zoe");
  assert.deepEqual(me.auth, {});
  me.greet({ id: "1", nickname: "ann" });
  assert.deepEqual([me.nickname, me.pending], ["Zoe", "Zoe"]);
});

test("a database that was lost knows only a guest: the name is claimed again", () => {
  const { me } = page(...known("1", "ann"));
  me.greet({ id: "2", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.id, me.nickname, me.pending], ["2", "ann", "ann"]);
  me.bear({ id: "2", nickname: "ann" });
  assert.equal(me.pending, "");
});

test("a name that went to another while one was away is asked for, so that one is told", () => {
  const { me } = page(...known("1", "ann"));
  me.greet({ id: "1", nickname: "guest-0a1b2c" });
  assert.equal(me.pending, "ann");
});

test("a guest whom the server still knows stays one", () => {
  const { me } = page(...known("1", "guest-0a1b2c"));
  me.greet({ id: "1", nickname: "guest-0a1b2c" });
  assert.deepEqual([me.nickname, me.pending], ["guest-0a1b2c", ""]);
});

test("identified in this browser by a page that did not live to note it: the reserved name stands", () => {
  const { me } = page(...known("1", "guest-0a1b2c"));
  me.greet({ id: "2", nickname: "ann", reserved: true });
  assert.deepEqual([me.id, me.wish, me.pending, me.reserved], ["2", "ann", "", true]);
});

test("what another tab was named counts here, too", () => {
  const { me, again } = page();
  again().bear({ id: "1", nickname: "ann" });
  assert.deepEqual(me.auth, {});
  me.greet({ id: "1", nickname: "ann" });
  assert.equal(me.nickname, "ann");
});

test("the mark of a reservation comes and goes with what the server tells", () => {
  const { me } = page(...known("1", "ann"));
  me.greet({ id: "1", nickname: "ann", reserved: true });
  assert.equal(me.reserved, true);
  me.bear({ id: "1", nickname: "ann" });
  assert.equal(me.reserved, false);
});

test("where there are no cookies the token goes with the handshake, through reloads", () => {
  const { me, again } = page(["nickname", "ann"]);
  me.greet({ id: "1", nickname: "ann" }, "secret");
  me.bear({ id: "1", nickname: "ann" });
  assert.deepEqual([me.auth, again().auth], [{ token: "secret" }, { token: "secret" }]);
});

test("a broken row in the storage harms nobody", () => {
  for (const row of ["{", "null", "5", ""]) {
    const { me } = page(["nickname", "ann"], ["person", row]);
    me.greet({ id: "1", nickname: "ann" });
    assert.deepEqual([me.nickname, me.pending], ["ann", "ann"]);
  }
});
