import assert from "node:assert/strict";
import { test } from "node:test";

import { UnreadSince, whileAway } from "../../static/js/unread-since.js";
import { allowed, Changes, lastOwn, NO_CONNECTION } from "../../static/js/changes.js";
import { choices } from "../../static/js/reactions.js";
import { quoteOf } from "../../static/js/reply.js";
import { Room } from "../../static/js/room.js";
import { Log } from "./log.mjs";

const ann = { is: (id) => id === "ann", ignores: () => false };

/** Changes that are answered by `acks`, one after the other; null is no answer. */
function changes(...acks) {
  const asked = [];
  const stored = [];
  const ask = async (verb, payload) => {
    asked.push([verb, payload]);
    const ack = acks.shift();
    if (!ack) throw new Error("not connected");
    return ack;
  };
  const reacted = (room, change) => stored.push([room, change]);
  const offered = [];
  const done = (sentence, undo) => offered.push([sentence, undo]);
  return { changes: new Changes({ ask, stored: (room, message) => stored.push([room, message.seq]), reacted, done }), asked, stored, offered };
}

/** Ann in the den, caught up with the log. */
async function inTheDen(log) {
  const room = new Room("den", { ask: async (verb, payload) => log.answer(verb, payload), wait: async () => {} });
  await room.join();
  return room;
}

test("an edit that was taken is handed on like any message", async () => {
  const { changes: my, asked, stored } = changes({ ok: true, message: { seq: 7, rev: 9 } });
  assert.equal(await my.edit("den", 7, "better"), "");
  assert.deepEqual(asked, [["edit", { room: "den", seq: 7, text: "better" }]]);
  assert.deepEqual(stored, [["den", 7]]);
});

test("what was refused, or has no answer, comes back as a sentence", async () => {
  const { changes: my, stored, offered } = changes({ ok: false, error: "not_allowed", text: "Not yours." }, null);
  assert.equal(await my.delete("den", 7), "Not yours.");
  assert.equal(await my.delete("den", 7), NO_CONNECTION);
  assert.deepEqual([stored, offered], [[], []]);
});

test("what one has deleted can be put back, and whether it was is said", async () => {
  const { changes: my, asked, stored, offered } = changes({ ok: true, message: { seq: 7 } }, { ok: false, text: "Too late." }, { ok: true, message: { seq: 7 } });
  assert.equal(await my.delete("den", 7), "");
  const [[sentence, undo]] = offered;
  assert.equal(sentence, "Your message is deleted.");
  assert.equal(await undo(), "Too late.");
  assert.equal(await undo(), "");
  assert.deepEqual(asked.map(([verb]) => verb), ["delete", "restore", "restore"]);
  assert.deepEqual(stored, [["den", 7], ["den", 7]]);
});

test("one's own reaction that was taken is handed on as such", async () => {
  const { changes: my, asked, stored } = changes({ ok: true, message: { seq: 7, rev: 10 } }, null);
  assert.equal(await my.react("den", { seq: 7 }, "👍", true), "");
  assert.equal(await my.react("den", { seq: 7 }, "👍", false), NO_CONNECTION);
  assert.deepEqual(asked.map(([, { on }]) => on), [true, false]);
  assert.deepEqual(stored, [["den", 7], ["den", { seq: 7, emoji: "👍", on: true, rev: 10 }]]);
});

test("one edits and deletes one's own, answers anybody's, and does nothing with what is gone", () => {
  const may = (message) => Object.entries(allowed(message, ann)).filter(([, may]) => may).map(([verb]) => verb);
  assert.deepEqual(may({ author: "ann", kind: "said" }), ["reply", "react", "edit", "delete", "more"]);
  assert.deepEqual(may({ author: "ann", kind: "file" }), ["reply", "react", "edit", "delete", "more"]);
  assert.deepEqual(may({ author: "bob", kind: "said" }), ["reply", "react", "more"]);
  assert.deepEqual(may({ author: "ann", kind: "said", deleted: true }), []);
  assert.deepEqual(may({ author: "ann", kind: "notice" }), []);
});

test("arrow up finds the last of one's own that still stands", () => {
  const log = new Log();
  for (const [text, author] of [["one", "ann"], ["two", "ann"], ["three", "bob"]]) log.say(text, { author });
  assert.equal(lastOwn(log.messages, ann).text, "two");
  log.delete(2);
  assert.equal(lastOwn(log.messages, ann).text, "one");
  assert.equal(lastOwn([], ann), undefined);
});

test("the choice is the common ones and what is there already; a full message takes no other", () => {
  const some = choices({ reaction_counts: { "☕": 2, "👍": 1 } }, new Set(["☕"]), 2);
  assert.equal(some.at(-1).emoji, "☕");
  assert.equal(new Set(some.map(({ emoji }) => emoji)).size, some.length);
  assert.deepEqual(some.filter(({ mine }) => mine).map(({ emoji }) => emoji), ["☕"]);
  assert.deepEqual(some.filter(({ full }) => !full).map(({ emoji }) => emoji), ["👍", "☕"]);
  assert.deepEqual(choices({}, new Set()).filter(({ mine, full }) => mine || full), []);
});

test("a quote is one line, and whole characters", () => {
  assert.deepEqual(quoteOf({ nickname: "bob", text: "one\n  two" }), { nickname: "bob", text: "one two" });
  assert.equal(quoteOf({ nickname: "bob", text: "🎉".repeat(500) }).text, `${"🎉".repeat(140)}…`);
  assert.equal(quoteOf({ nickname: "bob", text: "", deleted: true }).text, "a deleted message");
  assert.equal(quoteOf(undefined).text, "an older message");
});

test("what others said while the line was down is counted from where it went", async () => {
  const log = new Log();
  log.say("before", { author: "bob" });
  const room = await inTheDen(log);
  const unreadSince = new UnreadSince();
  unreadSince.disconnected(room);
  room.disconnected();
  for (const [text, author] of [["mine", "ann"], ["one", "bob"], ["two", "bob"], ["gone", "bob"]]) log.say(text, { author });
  log.delete(5);
  unreadSince.disconnected(room);
  await room.join();
  assert.deepEqual(unreadSince.reconnected(room, ann), { seq: 3, label: "2 messages while you were away" });
  assert.equal(unreadSince.reconnected(room, ann), null, "told once");
});

test("nothing said, nothing told; more than is held here is told as more", async () => {
  const log = new Log({ behind: 6 });
  log.say("before", { author: "bob" });
  const room = await inTheDen(log);
  const unreadSince = new UnreadSince();
  unreadSince.disconnected(room);
  log.edit(1, "changed");
  await room.join();
  assert.equal(unreadSince.reconnected(room, ann), null);
  unreadSince.disconnected(room);
  for (let nth = 0; nth < 20; nth += 1) log.say(`line ${nth}`, { author: "bob" });
  await room.join();
  assert.equal(unreadSince.reconnected(room, ann).label, "More than 5 messages while you were away");
  assert.equal(whileAway(1), "1 message while you were away");
});

test("a message is found by its seq where it is held", async () => {
  const log = new Log();
  for (let nth = 0; nth < 8; nth += 1) log.say(`line ${nth}`);
  const room = await inTheDen(log);
  assert.equal(room.find(5).text, "line 4");
  for (const seq of [1, 9, undefined]) assert.equal(room.find(seq), undefined);
});
