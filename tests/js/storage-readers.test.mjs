import assert from "node:assert/strict";
import { test } from "node:test";

import { composerContext, isAhead, isNickname, isPast, outboxItem, person, position, readJson, readText, roomNames } from "../../static/js/storage-readers.js";
import { MemoryStorage } from "./memory-storage.mjs";

const ANYTHING = ["{", "null", "[]", "{}", "", "5", "-1", "1e999", "NaN", "true", '"x"', '{"__proto__":{"id":"a","seq":1}}', '[{"id":1}]'];
const row = (text) => new MemoryStorage([["row", text]]);

test("whatever is in a row, a reader finds what it looks for or nothing, and never throws", () => {
  for (const text of ANYTHING) {
    for (const reader of [person, position, composerContext, outboxItem]) assert.equal(readJson(row(text), "row", reader), null, text);
    assert.ok(Array.isArray(readJson(row(text), "row", roomNames) ?? []));
    readText(row(text), "row", isNickname);
  }
  assert.equal(readJson(new MemoryStorage(), "row", position), null);
});

test("a position is an epoch and a count", () => {
  assert.deepEqual(position({ epoch: "e", seq: 3, more: 1 }), { epoch: "e", seq: 3 });
  for (const seq of ["3", -1, 1.5, 1e300, null, undefined, NaN]) assert.equal(position({ epoch: "e", seq }), null);
  assert.equal(position({ epoch: 1, seq: 3 }), null);
});

test("of a list of rooms the good names count, once, and not without end", () => {
  assert.deepEqual(roomNames(["den", 5, null, "DEN", "__proto__", "a/b", "den", "attic"]), ["den", "attic"]);
  assert.equal(roomNames(Array.from({ length: 5_000 }, (_, nth) => `room-${nth}`)).length, 200);
});

test("unsent words are kept where only what is noted beside them is damaged", () => {
  const item = outboxItem({ id: "one", room: "den", text: "hi", at: "x", nth: NaN, tab: {}, touched: 1e300, reply_to: "2", error: 5 });
  assert.deepEqual([item.text, item.nth, item.tab, item.touched, item.reply_to, item.error], ["hi", 0, "", 0, undefined, undefined]);
  assert.ok(Number.isFinite(item.at));
});

test("what the server told of a file is as damaged as the rest may be", () => {
  const sent = { id: "f1", name: ["x"], type: "image/png", bytes: -1, width: 1e300, height: 3, animated: true, nested: { a: 1 } };
  const item = outboxItem({ id: "one", room: "den", text: "", file: { key: "k1", name: "a.png", id: "f1", sent } });
  assert.deepEqual(item.file.sent, { id: "f1", type: "image/png", height: 3, animated: true });
});

test("no words can be sent from a row without a room, an id or a text", () => {
  const good = { id: "one", room: "den", text: "hi" };
  for (const bad of [{ id: "" }, { id: 1 }, { room: "NO" }, { text: " " }, { text: ["hi"] }]) {
    assert.equal(outboxItem({ ...good, ...bad }), null);
  }
});

test("a nickname has something in it, is no book, and has no half characters", () => {
  assert.ok(isNickname("Ann 🦊"));
  for (const bad of ["", "  ", "x".repeat(257), "Ann\ud83e", 5, null]) assert.equal(isNickname(bad), false);
});

test("what the composer is about has a message", () => {
  assert.deepEqual(composerContext({ verb: "reply", seq: 2, nickname: 5 }), { verb: "reply", seq: 2, nickname: "", text: "" });
  assert.equal(composerContext({ verb: "reply", seq: 0 }), null);
});

test("a moment that the server has told of has passed, or this clock is less than a day off", () => {
  const now = Date.parse("2026-11-29T10:00:00Z");
  for (const text of ["2026-11-29T09:59:59.123Z", "2026-11-29T20:00:00Z", "1999-01-01T00:00:00Z"]) assert.equal(isPast(text, now), true, text);
  for (const text of ["2026-12-01T10:00:01Z", "9999-12-31T23:59:59Z", "zzz", "", "1764410400000", "2026-13-45T99:99:99Z", "null"]) assert.equal(isPast(text, now), false, text);
});

test("a moment ahead is not past, nor further away than it can have been set", () => {
  assert.equal(isAhead("1500", 1_000, 600), true);
  for (const text of ["1000", "1601", "253402300799000", "NaN", "Infinity", "", null, "{}"]) assert.equal(isAhead(text, 1_000, 600), false, text);
});
