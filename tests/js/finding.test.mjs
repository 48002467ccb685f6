import assert from "node:assert/strict";
import { test } from "node:test";

import { Directs } from "../../static/js/directs.js";
import { excerpt } from "../../static/js/excerpt.js";
import { roomInPath } from "../../static/js/navigation.js";
import { linkTo, seqIn } from "../../static/js/permalink.js";
import { ReadMarks } from "../../static/js/read-marks.js";
import { Room } from "../../static/js/room.js";
import { Unread } from "../../static/js/unread.js";
import { Clock, Log, settled } from "./log.mjs";
import { MemoryStorage } from "./memory-storage.mjs";

const me = { is: (id) => id === "me", ignores: (id) => id === "eve" };

async function joined(count) {
  const log = new Log();
  for (let nth = 1; nth <= count; nth += 1) log.say(`${nth}`);
  const clock = new Clock();
  const room = new Room("den", { ask: async (verb, payload) => log.answer(verb, payload), wait: clock.wait, now: clock.now });
  await room.join("ann");
  return { room, log };
}

const shown = (room) => room.shown.messages.map(({ seq }) => seq);

test("a message far back is shown with what stands around it, and the way down leads to the end again", async () => {
  const { room } = await joined(40);
  assert.equal(await room.around(10), true);
  assert.ok(shown(room).includes(10) && shown(room).includes(11) && !room.isAtEnd);
  while (!room.isAtEnd) await room.newer();
  assert.deepEqual(shown(room).slice(-3), [38, 39, 40]);
  assert.deepEqual(shown(room), [...shown(room)].sort((one, other) => one - other));
  assert.equal(new Set(shown(room)).size, shown(room).length);
});

test("what is said meanwhile is at the end, and nothing is lost or doubled", async () => {
  const { room, log } = await joined(40);
  await room.around(3);
  room.receive(log.say("new"));
  assert.ok(!shown(room).includes(41));
  room.showLatest();
  assert.equal(shown(room).at(-1), 41);
});

test("a message that is not there leaves what is shown", async () => {
  const { room } = await joined(40);
  const before = shown(room);
  assert.equal(await room.around(41), false);
  assert.equal(await room.around(39), true);
  assert.deepEqual(shown(room), before);
});

test("the number behind the # of an address is a message, and nothing else is", () => {
  assert.equal(seqIn("#123"), 123);
  for (const hash of ["", "#", "#0", "#12a", "#owner=123", "#-1", "#1234567890123456"]) assert.equal(seqIn(hash), null, hash);
  assert.equal(linkTo("https://x.y/chat", "lobby", 7), "https://x.y/chat/r/lobby#7");
  assert.equal(linkTo("https://x.y", "lobby"), "https://x.y/r/lobby");
});

test("the address of a conversation names whom it is with", () => {
  assert.equal(roomInPath("/r/@01ab", ""), "@01ab");
  assert.equal(roomInPath("/r/%4001ab", ""), "@01ab");
  assert.equal(roomInPath("/r/@", ""), null);
});

test("the words that were found stand in an excerpt, marked", () => {
  const text = `${"many words before it ".repeat(10)}the fox 👍 runs${" and much behind".repeat(30)}`;
  const at = text.indexOf("fox");
  const parts = excerpt(text, [[at, at + 3]]);
  assert.deepEqual(parts.filter(({ isMarked }) => isMarked).map((part) => part.text), ["fox"]);
  assert.equal(parts[0].text, "… ");
  assert.equal(parts.at(-1).text, " …");
  assert.ok(parts.map((part) => part.text).join("").length < 260);
  assert.deepEqual(excerpt("fox", [[0, 3]]), [{ text: "fox", isMarked: true }]);
  assert.deepEqual(excerpt("by her", []), [{ text: "by her" }]);
  const emoji = "👍".repeat(300);
  for (const { text: one } of excerpt(emoji, [[200, 202]])) assert.equal(one, one.toWellFormed?.() ?? one);
});

test("the server's mark counts where it is further than this browser's, and the other way round", async () => {
  const { room } = await joined(10);
  const told = [];
  const unread = new Unread({ storage: new MemoryStorage(), me, read: (one, seq) => told.push(seq) });
  room.seen = 7;
  unread.begin(room);
  assert.deepEqual([unread.position(room).seq, unread.count(room), unread.first(room)], [7, 3, 8]);
  unread.markRead(room);
  assert.deepEqual([told, unread.count(room)], [[10], 0]);
  unread.begin(room); // after a while without a connection the server still has 7
  assert.deepEqual(told, [10, 10]);
  unread.seenElsewhere(room, 4);
  assert.equal(unread.position(room).seq, 10, "never back");
});

test("of a room that nobody has read, all is read; of a conversation nothing", async () => {
  const { room } = await joined(3);
  const unread = new Unread({ storage: new MemoryStorage(), me });
  unread.begin(room);
  assert.equal(unread.count(room), 0);
  room.seen = 0;
  assert.equal(new Unread({ storage: new MemoryStorage(), me }).count(room), 3);
});

test("the first mark is told at once, and of many the last one alone", async () => {
  const asked = [];
  const waits = [];
  const marks = new ReadMarks({ ask: async (verb, payload) => (asked.push([verb, payload]), { ok: true }), wait: () => new Promise((done) => waits.push(done)) });
  const room = { name: "den", epoch: "e" };
  for (const seq of [1, 2, 3, 4]) marks.read(room, seq);
  await settled();
  assert.deepEqual(asked, [["seen", { room: "den", seq: 1 }]]);
  waits[0]();
  await settled();
  assert.deepEqual(asked[1], ["seen", { room: "den", seq: 4 }]);
  marks.read(room, 4);
  assert.equal(waits.length, 1, "known already");
});

test("a damaged row closes no conversation", async () => {
  const opened = [];
  const closed = JSON.stringify({ "@bob": "zzz", "@carol": "9999-01-01T00:00:00Z", "@dave": { at: 1 }, __proto__: 5 });
  const rooms = new Map();
  const directs = new Directs({
    storage: new MemoryStorage([["directs-closed", closed]]),
    rooms: { get: (name) => rooms.get(name), add: (name) => rooms.set(name, { name }).get(name) },
    me,
    clock: { isKnown: true, now: () => Date.parse("2026-11-29T12:00:00Z") },
    ask: async () => ({ ok: true, direct: ["bob", "carol", "dave"].map((id) => ({ name: `@${id}`, person: { id, nickname: id }, unread: 0, at: "2026-11-28" })) }),
    join: ({ name }) => opened.push(name),
    changed: () => {},
  });
  await directs.learn();
  assert.deepEqual(opened, ["@bob", "@carol", "@dave"]);
});

test("a conversation opens where something is unread, and one that was closed when something is said", async () => {
  const rooms = new Map();
  const joinedRooms = [];
  const direct = (id, unread, at) => ({ name: `@${id}`, person: { id, nickname: id }, unread, at });
  const answer = { ok: true, direct: [direct("bob", 0, "2026-11-28"), direct("carol", 2, "2026-11-27"), direct("dave", 0, "2026-11-26")] };
  const directs = new Directs({
    storage: new MemoryStorage(),
    rooms: { get: (name) => rooms.get(name), add: (name) => rooms.set(name, { name }).get(name) },
    me,
    clock: { isKnown: true, now: () => Date.parse("2026-11-29T12:00:00Z") }, // the server's, whatever this machine's says
    ask: async () => answer,
    join: ({ name }) => joinedRooms.push(name),
    changed: () => {},
  });
  directs.close("@dave");
  await directs.learn();
  assert.deepEqual(joinedRooms, ["@bob", "@carol"]);
  assert.equal(rooms.get("@carol").person.nickname, "carol");
  directs.opened({ room: "@dave", person: { id: "dave", nickname: "Dave" } });
  directs.opened({ room: "@eve", person: { id: "eve", nickname: "Eve" } });
  directs.opened({ room: "@bob", person: { id: "bob", nickname: "Bobby" } });
  assert.deepEqual(joinedRooms, ["@bob", "@carol", "@dave"], "nobody who is ignored, and none twice");
  assert.equal(rooms.get("@bob").person.nickname, "Bobby");
});
