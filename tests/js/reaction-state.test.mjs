import assert from "node:assert/strict";
import { test } from "node:test";

import { OwnReactions, reactedBy, withReaction } from "../../static/js/reaction-state.js";
import { Room } from "../../static/js/room.js";
import { Clock, Log, settled } from "./log.mjs";

const plain = { seq: 1, rev: 1, text: "tea?" };

test("a reaction comes last, counts, and goes again without a trace", () => {
  const one = withReaction(plain, { rev: 2, emoji: "👍", count: 1, names: ["ann"] });
  assert.deepEqual(one, { ...plain, rev: 2, reactions: { "👍": ["ann"] }, reaction_counts: { "👍": 1 } });
  const two = withReaction(one, { rev: 3, emoji: "☕", count: 1, names: ["bob"] });
  const more = withReaction(two, { rev: 4, emoji: "👍", count: 9 });
  assert.deepEqual([Object.keys(more.reactions), more.reactions["👍"], more.reaction_counts], [["👍", "☕"], ["ann"], { "👍": 9, "☕": 1 }]);
  const less = withReaction(more, { rev: 5, emoji: "👍", count: 0, names: [] });
  assert.deepEqual(withReaction(less, { rev: 6, emoji: "☕", count: 0, names: [] }), { ...plain, rev: 6 });
  assert.deepEqual(one.reaction_counts, { "👍": 1 }, "the former look is left as it was");
});

test("the first names are told, and how many more there are", () => {
  const message = { reactions: { "👍": ["ann", "bob"], "☕": ["cid"] }, reaction_counts: { "👍": 200, "☕": 1 } };
  assert.equal(reactedBy(message, "👍"), "ann, bob and 198 more");
  assert.equal(reactedBy(message, "☕"), "cid");
});

test("what is newer is not undone by an older event, nor by an older answer", () => {
  const own = new OwnReactions();
  own.note(1, "👍", true, 5);
  own.note(1, "👍", false, 4);
  own.note(1, "☕", true, 8);
  own.learn([1], { 1: ["🎉"] }, 6);
  assert.deepEqual([...own.of(1)].sort(), ["☕", "🎉"]);
  own.learn([1], {}, 9);
  assert.deepEqual([...own.of(1)], []);
  assert.deepEqual([...own.of(2)], []);
});

test("only what shows reactions is asked about, and once, unless it changed while nobody listened", () => {
  const own = new OwnReactions();
  const messages = [{ seq: 1 }, { seq: 2, reaction_counts: { "👍": 1 } }];
  assert.deepEqual(own.unknown(messages), [2]);
  own.learn([2], { 2: ["👍"] }, 1);
  assert.deepEqual(own.unknown(messages), []);
  own.doubt(2);
  assert.deepEqual([own.unknown(messages), [...own.of(2)]], [[2], ["👍"]]);
});

test("what nobody reacts with any more is not one's own", () => {
  const own = new OwnReactions();
  own.note(1, "👍", true, 3);
  own.note(1, "☕", true, 9);
  own.see({ seq: 1, rev: 5, deleted: true });
  assert.deepEqual([...own.of(1)], ["☕"]);
});

/** Ann in the den; answer(verb) may say null, where the connection goes away. */
async function inTheDen(log, asked = [], isGone = () => false) {
  const clock = new Clock();
  const ask = async (verb, payload) => {
    asked.push(verb === "reacted" ? payload.seqs : verb);
    return isGone(verb) ? null : log.answer(verb, payload);
  };
  const room = new Room("den", { ask, wait: clock.wait, now: clock.now });
  await room.join();
  await settled();
  return room;
}

test("who comes with another nickname than on the day of the reaction knows it as their own", async () => {
  const [log, asked] = [new Log(), []];
  log.say("tea?", { author: "bob" });
  log.react(1, "bob", "☕", true);
  log.react(1, "cid", "☕", true);
  log.react(1, "ann", "☕", true);
  log.say("no reactions", { author: "bob" });
  const room = await inTheDen(log, asked);
  assert.deepEqual([room.find(1).reactions, [...room.own.of(1)], asked], [{ "☕": ["bob", "cid"] }, ["☕"], ["join", [1]]]);
  await room.learnOwn();
  assert.deepEqual(asked, ["join", [1]], "asked once");
});

test("where there was no answer it is asked again on the next line; who is somebody else asks at once", async () => {
  const [log, asked] = [new Log(), []];
  let isGone = true;
  log.say("tea?", { author: "bob" });
  log.react(1, "ann", "☕", true);
  const room = await inTheDen(log, asked, (verb) => isGone && verb === "reacted");
  assert.deepEqual([...room.own.of(1)], []);
  room.disconnected();
  isGone = false;
  await room.join();
  await settled();
  assert.deepEqual([...room.own.of(1)], ["☕"]);
  room.forgetOwn();
  assert.deepEqual([...room.own.of(1)], []);
  await settled();
  assert.deepEqual([...room.own.of(1)], ["☕"]);
});

test("a message that was put back has one's own reactions again", async () => {
  const [log, asked] = [new Log(), []];
  log.say("tea?", { author: "bob" });
  log.react(1, "ann", "☕", true);
  const room = await inTheDen(log, asked);
  const [{ text, reactions, reaction_counts }, kept] = [log.messages[0], log.reactions[1]];
  room.receive(log.delete(1));
  assert.deepEqual([...room.own.of(1)], []);
  log.reactions[1] = kept;
  room.receive(log.change(1, { text, reactions, reaction_counts, deleted: undefined }));
  await settled();
  assert.deepEqual([...room.own.of(1)], ["☕"]);
});

test("a reaction that was missed is asked for like a message, and both ways end in the same", async () => {
  const log = new Log();
  for (const text of ["one", "two"]) log.say(text, { author: "bob" });
  const [there, behind] = [await inTheDen(log), await inTheDen(log)];
  const events = [["bob", "👍", true], ["cid", "👍", true], ["dan", "👍", true], ["bob", "👍", false], ["eve", "🎉", true]].map(
    ([who, emoji, on]) => log.react(1, who, emoji, on),
  );
  for (const event of events) there.receive(event);
  behind.disconnected();
  await behind.join();
  for (const room of [there, behind]) {
    assert.deepEqual(room.messages, log.messages);
    assert.equal(room.rev, log.rev);
  }
});
