import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageRange } from "../../static/js/message-range.js";
import { Unread, unreadAfter } from "../../static/js/unread.js";
import { MemoryStorage } from "./memory-storage.mjs";

const me = { is: (id) => id === "ann", ignores: (id) => id === "eve" };
const stored = (seq, epoch = "e") => ["read:den", JSON.stringify({ epoch, seq })];

/** A room with messages of these authors, from seq 1 on. */
function room(...authors) {
  const tail = new MessageRange(authors.map((author, at) => ({ seq: at + 1, author })));
  return {
    name: "den",
    epoch: "e",
    rev: authors.length,
    messages: tail.messages,
    latest: tail.messages.at(-1),
    placeOf: (seq) => tail.placeOf(seq),
  };
}

function unread(...rows) {
  const storage = new MemoryStorage(rows);
  return { unread: new Unread({ storage, me }), storage };
}

test("messages of others after the position are unread, but deleted ones", () => {
  const den = room("bob", "bob", "ann", "cid", "bob");
  den.messages[4].deleted = true;
  assert.deepEqual(unreadAfter(1, den, me).map(({ seq }) => seq), [2, 4]);
  assert.deepEqual(unreadAfter(5, den, me), []);
  assert.deepEqual(unreadAfter(900, den, me), []);
});

test("messages of somebody who is ignored are never unread", () => {
  const den = room("eve", "bob", "eve", "eve");
  assert.deepEqual(unreadAfter(0, den, me).map(({ seq }) => seq), [2]);
  const { unread: some } = unread(stored(2));
  assert.deepEqual([some.count(den), some.first(den)], [0, undefined]);
});

test("they are counted from where this browser read to, and the first of them is known", () => {
  const { unread: some } = unread(stored(2));
  const den = room("bob", "bob", "ann", "cid", "bob");
  assert.deepEqual([some.count(den), some.first(den), some.total([den, den])], [2, 4, 4]);
});

test("a room that was never seen counts as read; so does one of another database", () => {
  const den = room("bob", "bob");
  for (const rows of [[], [stored(1, "other")], [["read:den", "{"]]]) {
    const { unread: some } = unread(...rows);
    assert.deepEqual([some.count(den), some.first(den)], [0, undefined]);
  }
});

test("reading to the end is stored once", () => {
  const { unread: some, storage } = unread(stored(1));
  const den = room("bob", "bob");
  assert.equal(some.markRead(den), true);
  assert.deepEqual([storage.get("read:den"), some.count(den)], [stored(2)[1], 0]);
  assert.equal(some.markRead(den), false);
});

test("a room that is not loaded cannot be marked as read", () => {
  const { unread: some, storage } = unread();
  assert.equal(some.markRead({ ...room(), rev: null }), false);
  assert.equal(storage.size, 0);
});

test("after catching up a position begins where there is none, or none that can be true", () => {
  const den = room("bob", "bob");
  for (const rows of [[], [stored(1, "other")], [stored(2 + 101)]]) {
    const { unread: some, storage } = unread(...rows);
    some.begin(den);
    assert.equal(storage.get("read:den"), stored(2)[1]);
  }
});

test("a position a little ahead is another tab's, and stays", () => {
  for (const seq of [1, 2, 2 + 100]) {
    const { unread: some, storage } = unread(stored(seq));
    some.begin(room("bob", "bob"));
    assert.equal(storage.get("read:den"), stored(seq)[1]);
  }
});

test("the position of a room that was left is removed", () => {
  const { unread: some, storage } = unread(stored(1));
  some.remove("den");
  assert.equal(storage.size, 0);
});
