import assert from "node:assert/strict";
import { test } from "node:test";

import { callsMe, MentionList } from "../../static/js/mentions.js";
import { MemoryStorage } from "./memory-storage.mjs";

const me = { is: (id) => id === "ann", ignores: (id) => id === "eve" };
const said = (seq, more = {}) => ({ room: "den", seq, author: "bob", at: `2026-11-28T09:00:0${seq}.000Z`, mentions: ["ann"], ...more });

test("a message calls me by my id or with everybody, unless it is mine, of somebody whom I ignore, or deleted", () => {
  assert.ok(callsMe(said(1), me));
  assert.ok(callsMe(said(1, { mentions: ["cid", "everyone"] }), me));
  for (const more of [{ mentions: ["cid"] }, { mentions: undefined }, { author: "ann" }, { author: "eve" }, { deleted: true }]) {
    assert.equal(callsMe(said(1, more), me), false, JSON.stringify(more));
  }
});

test("what was read in its room or looked at in the list is no news", () => {
  const storage = new MemoryStorage();
  let readTo = 1;
  const list = new MentionList({ storage, isRead: (room, seq) => room === "den" && seq <= readTo });
  list.add([said(3), said(2), said(1), said(1, { room: "attic" })], true);
  assert.equal(list.news, 3);
  readTo = 2;
  assert.equal(list.news, 2);
  list.seen();
  assert.equal(list.news, 0);
  list.put(said(4));
  list.put(said(4, { text: "edited" }));
  assert.equal(list.news, 1);
  assert.equal(list.messages[0].seq, 4);
  list.put(said(4), false);
  assert.equal(list.news, 0, "it calls me no more");
});

test("what calls me since it was edited is news, though it was read", () => {
  const list = new MentionList({ storage: new MemoryStorage([["mentions-seen", said(4).at]]), isRead: () => true });
  list.put(said(2, { edited: said(4).at }), true, true);
  assert.equal(list.news, 1);
  list.seen();
  assert.equal(list.news, 0);
});

test("the list in another tab is looked at in this one as well", () => {
  const storage = new MemoryStorage([["mentions-seen", said(2).at]]);
  const list = new MentionList({ storage, isRead: () => false });
  list.add([said(3), said(2)], true);
  assert.equal(list.news, 1);
});

test("a damaged row of what was looked at hides nothing", () => {
  for (const row of ["zzz", "{", "9999-12-31T23:59:59.000Z"]) {
    const list = new MentionList({ storage: new MemoryStorage([["mentions-seen", row]]), isRead: () => false });
    list.add([said(2)], true);
    assert.equal(list.news, 1, row);
    list.seen();
    assert.equal(list.news, 0, row);
  }
});
