import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../static/js/room.js";
import { Clock, Log, settled } from "./log.mjs";

/** A room joined at a log, with every change noted and the questions it asked. */
async function joined(log, { join = true } = {}) {
  const clock = new Clock();
  const told = [];
  const asked = [];
  const ask = async (verb, payload) => {
    asked.push([verb, payload]);
    return log.answer(verb, payload);
  };
  const room = new Room("den", { ask, wait: clock.wait, now: clock.now, changed: (_, what) => told.push(what) });
  if (join) await room.join("ann");
  return { room, clock, told, asked };
}

const texts = (room) => room.messages.map(({ text }) => text);
const filled = (count, log = new Log()) => {
  for (let nth = 1; nth <= count; nth += 1) log.say(`${nth}`);
  return log;
};

test("the first page is the last page of the log, and older ones are known to exist", async () => {
  const { room, asked } = await joined(filled(12));
  assert.deepEqual(texts(room), ["8", "9", "10", "11", "12"]);
  assert.equal(room.hasOlder, true);
  assert.deepEqual(asked, [["join", { room: "den", nickname: "ann" }]]);
});

test("an empty room has nothing older", async () => {
  const { room } = await joined(new Log());
  assert.equal(room.hasOlder, false);
  assert.equal(room.state, "live");
});

test("the same live event twice shows one message", async () => {
  const log = filled(1);
  const { room, told } = await joined(log);
  const message = log.say("hello");
  room.receive(message);
  room.receive(message);
  assert.deepEqual(texts(room), ["1", "hello"]);
  assert.equal(told.filter((what) => what === "message").length, 1);
});

test("an older look never covers a newer one", async () => {
  const log = filled(2);
  const { room } = await joined(log);
  const before = { ...log.messages[1] };
  room.receive(log.edit(2, "two"));
  room.apply(before);
  assert.deepEqual(texts(room), ["1", "two"]);
});

test("events that overtake each other show in order, without a question", async () => {
  const log = filled(1);
  const { room, asked } = await joined(log);
  const [second, third] = [log.say("2"), log.say("3")];
  room.receive(third);
  assert.deepEqual(texts(room), ["1"]);
  room.receive(second);
  assert.deepEqual(texts(room), ["1", "2", "3"]);
  assert.equal(asked.length, 1);
});

test("a lost event is asked for after 300 ms, by the same sync as a reconnect", async () => {
  const log = filled(1);
  const { room, clock, asked } = await joined(log);
  log.say("2");
  room.receive(log.say("3"));
  await clock.pass(299);
  assert.equal(asked.length, 1);
  await clock.pass(1);
  assert.deepEqual(asked.at(-1), ["sync", { room: "den", after: 1, epoch: "one" }]);
  assert.deepEqual(texts(room), ["1", "2", "3"]);
});

test("events before the join's answer are kept for after it", async () => {
  const log = filled(2);
  const { room } = await joined(log, { join: false });
  const joining = room.join("ann");
  const early = log.say("3");
  room.receive(early);
  assert.deepEqual(texts(room), []);
  await joining;
  assert.deepEqual(texts(room), ["1", "2", "3"]);
});

test("coming back brings exactly what changed, page by page", async () => {
  const log = filled(6);
  const { room, asked } = await joined(log);
  room.disconnected();
  log.edit(5, "five");
  log.delete(6);
  for (let nth = 7; nth <= 18; nth += 1) log.say(`${nth}`);
  await room.join("ann");
  assert.deepEqual(asked[1], ["join", { room: "den", after: 6, epoch: "one", nickname: "ann" }]);
  assert.equal(asked.filter(([verb]) => verb === "sync").length, 2);
  assert.equal(room.rev, log.rev);
  assert.deepEqual(room.messages, log.messages.slice(1));
});

test("an edit above the window shows nowhere, and is there when history brings the place", async () => {
  const log = filled(12);
  const { room } = await joined(log);
  const answer = log.answer("history", { before: 8 });
  room.receive(log.edit(5, "five"));
  assert.deepEqual(texts(room), ["8", "9", "10", "11", "12"]);
  room.ask = async () => answer;
  await room.older();
  assert.deepEqual(texts(room), ["3", "4", "five", "6", "7", "8", "9", "10", "11", "12"]);
});

test("history ends at the beginning and is not asked again", async () => {
  const { room, asked } = await joined(filled(7));
  await room.older();
  await room.older();
  assert.equal(room.messages.length, 7);
  assert.equal(room.hasOlder, false);
  assert.equal(asked.filter(([verb]) => verb === "history").length, 1);
});

test("a reset drops what was held and starts from its page", async () => {
  const log = filled(6, new Log({ behind: 10 }));
  const { room, told } = await joined(log);
  room.disconnected();
  for (let nth = 7; nth <= 30; nth += 1) log.say(`${nth}`);
  await room.join("ann");
  assert.deepEqual(texts(room), ["26", "27", "28", "29", "30"]);
  assert.equal(told.filter((what) => what === "reset").length, 2);
  assert.equal(room.rev, 30);
});

test("a history page asked before a reset is not mixed in after it", async () => {
  const log = filled(20, new Log({ behind: 3 }));
  const { room } = await joined(log);
  const ask = room.ask;
  let give;
  room.ask = (verb, payload) => (verb === "history" ? new Promise((done) => (give = done)) : ask(verb, payload));
  const older = room.older();
  const stale = log.answer("history", { before: room.floor });
  room.disconnected();
  for (let nth = 0; nth < 5; nth += 1) log.edit(16 + (nth % 2), `again ${nth}`);
  log.edit(12, "twelve");
  await room.join("ann");
  give(stale);
  assert.equal(await older, false);
  room.ask = ask;
  await room.older();
  assert.deepEqual(room.messages, log.messages.slice(10));
});

test("another database behind the same name: everything anew, and what is asked next is of its epoch", async () => {
  const { room, asked } = await joined(filled(6));
  room.disconnected();
  const other = filled(9, new Log({ epoch: "two" }));
  room.ask = async (verb, payload) => {
    asked.push([verb, payload]);
    return other.answer(verb, payload);
  };
  await room.join("ann");
  assert.deepEqual(asked.slice(1), [["join", { room: "den", after: 6, epoch: "one", nickname: "ann" }]]);
  assert.deepEqual(texts(room), ["5", "6", "7", "8", "9"]);
  room.disconnected();
  await room.join("ann");
  assert.deepEqual(asked.at(-1), ["join", { room: "den", after: 9, epoch: "two", nickname: "ann" }]);
});

test("a server that passes over the epoch is asked anew, without after", async () => {
  const { room, asked } = await joined(filled(6));
  room.disconnected();
  const other = filled(9, new Log({ epoch: "two" }));
  room.ask = async (verb, { epoch, ...payload }) => {
    asked.push([verb, payload]);
    return other.answer(verb, payload);
  };
  await room.join("ann");
  assert.deepEqual(asked.at(-1), ["join", { room: "den", nickname: "ann" }]);
  assert.deepEqual(texts(room), ["5", "6", "7", "8", "9"]);
});

test("an event held from before the break is not mixed into another database", async () => {
  const log = filled(3);
  const { room } = await joined(log);
  log.say("lost");
  room.receive(log.say("held"));
  room.disconnected();
  const other = filled(4, new Log({ epoch: "two" }));
  room.ask = async (verb, payload) => other.answer(verb, payload);
  await room.join("ann");
  room.receive(other.say("5"));
  assert.deepEqual(room.messages, other.messages);
});

test("a gap among the events that came while joining is mended without another event", async () => {
  const log = filled(2);
  const { room, clock } = await joined(log, { join: false });
  const joining = room.join("ann");
  log.say("lost");
  room.receive(log.say("4"));
  await joining;
  await clock.pass(300);
  assert.deepEqual(room.messages, log.messages);
});

test("what came while a reset page travelled is not lost with it", async () => {
  const log = filled(4);
  const { room, clock } = await joined(log);
  let give;
  room.ask = () => new Promise((done) => (give = done));
  const fifth = log.say("5");
  const page = structuredClone({ ok: true, rev: log.rev, reset: true, ...log.lastPage() });
  room.receive(log.say("6"));
  await clock.pass(300);
  room.receive(fifth);
  give(page);
  await settled();
  assert.deepEqual(texts(room), ["1", "2", "3", "4", "5", "6"]);
});

test("of two changes above the window the newer one counts, whichever comes first", async () => {
  const log = filled(12);
  const { room } = await joined(log);
  const stale = log.answer("history", { before: 8 });
  const [older, newer] = [log.edit(5, "five"), log.edit(5, "FIVE")];
  for (const message of [older, newer, older]) room.receive(message);
  room.ask = async () => stale;
  await room.older();
  assert.equal(room.messages.find(({ seq }) => seq === 5).text, "FIVE");
});

test("a log whose oldest were cleared away ends where it begins now", async () => {
  const { room } = await joined(filled(12));
  room.ask = async () => ({ ok: true, messages: [{ seq: 6, rev: 6, text: "6" }, { seq: 7, rev: 7, text: "7" }], more: false });
  await room.older();
  assert.equal(room.hasOlder, false);
});

test("a refused join says so and can be tried again under another name", async () => {
  const log = filled(2);
  const { room } = await joined(log, { join: false });
  const ask = room.ask;
  room.ask = async () => ({ ok: false, error: "nickname_taken", text: "Taken.", suggestion: "ann2" });
  assert.equal((await room.join("ann")).suggestion, "ann2");
  room.ask = ask;
  assert.equal((await room.join("ann2")).ok, true);
  assert.deepEqual(texts(room), ["1", "2"]);
});

test("a passing trouble is asked again until it passes", async () => {
  const log = filled(2);
  const { room, clock } = await joined(log, { join: false });
  const ask = room.ask;
  const answers = [{ ok: false, error: "too_fast", retry_after: 3 }, { ok: false, error: "storage" }];
  room.ask = (...question) => (answers.length > 0 ? Promise.resolve(answers.shift()) : ask(...question));
  const joining = room.join("ann");
  await settled();
  await clock.pass(2_999);
  assert.equal(answers.length, 1);
  await clock.pass(1);
  await clock.pass(1_000);
  assert.equal((await joining).ok, true);
});

test("letting go of the oldest leaves a way back to them", async () => {
  const log = filled(12);
  const { room } = await joined(log);
  await room.older();
  room.trim(4);
  assert.deepEqual(texts(room), ["9", "10", "11", "12"]);
  room.receive(log.edit(3, "three"));
  await room.older();
  await room.older();
  assert.deepEqual(room.messages, log.messages);
});

/** One who has read so far back that the newest rows were let go of. */
async function farBack(log) {
  const one = await joined(log);
  for (let pages = 0; pages < 2; pages += 1) await one.room.older();
  one.room.keepOldest(7);
  assert.deepEqual(one.room.shown.messages.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6, 7]);
  return one;
}

test("far back, what is new is still known, and what is shown stays as it is", async () => {
  const log = filled(12);
  const { room, told } = await farBack(log);
  room.receive(log.say("13"));
  assert.equal(room.latest.text, "13");
  assert.equal(room.isAtEnd, false);
  assert.equal(told.at(-1), "message");
  assert.equal(room.shown.messages.length, 7);
});

test("far back, an edit shows at once where its message is shown, and later where it is not", async () => {
  const log = filled(20);
  const { room } = await joined(log);
  for (let pages = 0; pages < 3; pages += 1) await room.older();
  room.keepOldest(5);
  room.tail.keepNewest(3);
  room.receive(log.edit(2, "two"));
  room.receive(log.edit(9, "nine"));
  assert.equal(room.find(2).text, "two");
  assert.equal(room.find(9), undefined);
  await room.newer();
  assert.equal(room.find(9).text, "nine");
});

test("coming down again, page by page, ends at the newest without a hole", async () => {
  const log = filled(30);
  const { room, asked } = await joined(log);
  while (room.hasOlder) await room.older();
  room.keepOldest(6);
  room.tail.keepNewest(5);
  room.receive(log.say("31"));
  let pages = 0;
  while (!room.isAtEnd) {
    await room.newer();
    pages += 1;
  }
  assert.equal(pages, 4);
  assert.deepEqual(asked.at(-1), ["history", { room: "den", after: 21 }]);
  assert.deepEqual(room.messages, log.messages);
  room.receive(log.say("32"));
  assert.deepEqual(room.shown.messages, log.messages);
});

test("what lies right below is not asked for", async () => {
  const { room, asked } = await farBack(filled(12));
  const before = asked.length;
  await room.newer();
  assert.equal(asked.length, before);
  assert.equal(room.isAtEnd, true);
});

test("a page of newer ones that comes after one has gone to the end is not mixed in", async () => {
  const log = filled(30);
  const { room } = await joined(log);
  while (room.hasOlder) await room.older();
  room.keepOldest(6);
  room.tail.keepNewest(5);
  const reading = room.newer();
  room.showLatest();
  assert.equal(await reading, false);
  assert.deepEqual(room.shown.messages.map(({ seq }) => seq), [26, 27, 28, 29, 30]);
});

test("a room in which much is said while nobody looks stays light, and what one reads stays", async () => {
  const log = filled(5);
  const { room } = await joined(log);
  for (let nth = 0; nth < 1_100; nth += 1) room.receive(log.say(`${nth}`));
  assert.ok(room.messages.length <= 1_000, `${room.messages.length} held`);
  assert.equal(room.latest.seq, 1_105);
  assert.equal(room.shown.floor, 1);
  for (let nth = 0; nth < 3_000; nth += 1) room.receive(log.say(`${nth}`));
  assert.ok(room.messages.length + room.shown.messages.length <= 2_000);
  while (!room.isAtEnd) await room.newer();
  assert.deepEqual(room.messages.slice(-10), log.messages.slice(-10));
});

test("a join that is put off shows why at the door, and goes on by itself", async () => {
  const log = new Log();
  const join = log.join.bind(log);
  const refusals = [{ ok: false, error: "too_many", text: "Too many new rooms.", retry_after: 42 }];
  log.join = (payload) => refusals.shift() ?? join(payload);
  const { room, clock, told } = await joined(log, { join: false });
  const joining = room.join("ann");
  await clock.pass(0);
  await clock.pass(41_000);
  assert.deepEqual([room.state, room.refusal.error, room.refusal.text, told.at(-1)], ["joining", "waiting", "Too many new rooms.", "standing"]);
  await clock.pass(1_000);
  await joining;
  assert.deepEqual([room.state, room.refusal], ["live", null]);
});

test("a room that shuts its door keeps what was told before, and opens with the next join", async () => {
  const log = new Log();
  log.say("hello");
  const { room, told } = await joined(log);
  room.shut({ error: "kicked", text: "Out.", until: "2026-11-28T12:00:10Z" });
  assert.deepEqual([room.state, room.refusal.error, room.messages.length, told.at(-1)], ["refused", "kicked", 1, "standing"]);
  await room.join();
  assert.deepEqual([room.state, room.refusal], ["live", null]);
});

test("what the server tells of the room, and how long it keeps, comes with the join and with news", async () => {
  const log = new Log();
  const join = log.join.bind(log);
  log.join = (payload) => {
    const ack = join(payload);
    return { ...ack, room: { ...ack.room, topic: "tea", keep: { days: 30 } } };
  };
  const { room, told } = await joined(log);
  assert.deepEqual([room.topic, room.keep], ["tea", { days: 30 }]);
  room.setDetails({ topic: "cake" });
  assert.deepEqual([room.topic, room.keep], ["cake", {}]);
  assert.equal(told.at(-1), "room");
});
