import assert from "node:assert/strict";
import { test } from "node:test";

import { Presence } from "../../static/js/presence.js";
import { Clock } from "./log.mjs";

const [ann, bob, cid] = ["ann", "bob", "cid"].map((nickname) => ({ id: nickname, nickname }));
const lost = (person) => ({ ...person, reconnecting: true });

/** A room with these people in it, and a clock. */
function room(...people) {
  const clock = new Clock();
  const presence = new Presence({ wait: clock.wait, now: clock.now, changed: () => {} });
  presence.reset(people, people.length);
  return { presence, clock, names: () => [...presence.people.values()].map(({ nickname }) => nickname) };
}

test("who came and went is one line, and a refresh is no news", () => {
  const { presence } = room(cid);
  presence.update({ joined: [ann, bob], left: [], count: 3 });
  presence.update({ joined: [], left: [cid], count: 2 });
  assert.equal(presence.news, "ann and bob joined, cid left");
  presence.update({ joined: [cid], left: [bob], count: 2 });
  assert.equal(presence.news, "ann joined");
  presence.update({ joined: [{ id: "cid", nickname: "Sid" }], left: [], count: 2 });
  assert.equal(presence.news, "ann joined, cid is now Sid");
  assert.equal(presence.newsWith(String, true), "cid is now Sid", "in a room of two nobody joins or leaves");
  presence.update({ joined: [cid], left: [], count: 2 });
  assert.equal(presence.news, "ann joined");
  presence.messageFrom("ann");
  assert.equal(presence.news, "");
});

test("who has lost the line is still here, counted, and no news; nor is it when the line is back", () => {
  const { presence, names } = room(ann, bob);
  presence.update({ joined: [], left: [], changed: [lost(bob)], count: 2 });
  assert.deepEqual([presence.people.get("bob"), presence.count, presence.news], [lost(bob), 2, ""]);
  presence.update({ joined: [], left: [], changed: [bob], count: 2 });
  assert.deepEqual([presence.people.get("bob"), presence.count, presence.news], [bob, 2, ""]);
  assert.deepEqual(names(), ["ann", "bob"]);
});

test("who does not come back in time has left, and who renames on the way is renamed", () => {
  const { presence } = room(ann, bob);
  presence.update({ changed: [lost(bob)], count: 2 });
  presence.update({ changed: [{ id: "bob", nickname: "Rob" }], count: 2 });
  presence.update({ changed: [lost(ann)], count: 2 });
  presence.update({ joined: [], left: [ann], count: 1 });
  assert.equal(presence.news, "ann left, bob is now Rob");
});

test("a change of somebody on a page that is not loaded adds no one", () => {
  const { presence, names } = room(ann);
  presence.update({ joined: [], left: [], changed: [lost(cid)], count: 300 });
  assert.deepEqual([names(), presence.count], [["ann"], 300]);
});

test("after a break, who was here before and comes back a moment after us has not joined", async () => {
  const { presence, clock } = room(ann, bob);
  presence.reset([ann], 1);
  await clock.pass(14_000);
  presence.update({ joined: [bob, cid], left: [], count: 3 });
  assert.equal(presence.news, "cid joined");
  presence.update({ joined: [], left: [bob], count: 2 });
  assert.equal(presence.news, "cid joined, bob left", "that one is here again, so the rest is news");
});

test("who comes back long after the break has joined", async () => {
  const { presence, clock } = room(ann, bob);
  presence.reset([ann], 1);
  await clock.pass(30_000);
  presence.update({ joined: [bob], left: [], count: 2 });
  assert.equal(presence.news, "bob joined");
});

test("two breaks in a row: those from before the first are no news either", async () => {
  const { presence, clock } = room(ann, bob);
  presence.reset([ann], 1);
  await clock.pass(5_000);
  presence.reset([ann], 1);
  presence.update({ joined: [bob], left: [], count: 2 });
  assert.equal(presence.news, "");
});

test("the news from before a break is old after it", () => {
  const { presence } = room(ann);
  presence.update({ joined: [bob], left: [], count: 2 });
  presence.reset([ann], 1);
  assert.equal(presence.news, "");
});

test("to become somebody else is no news", () => {
  const guest = { id: "guest-1", nickname: "guest-1" };
  const { presence, names } = room(guest, bob);
  presence.expect(["guest-1", "ann"]);
  presence.update({ joined: [ann], left: [guest], count: 2 });
  assert.deepEqual([presence.news, names()], ["", ["bob", "ann"]]);
});

test("typing ends six seconds after the last sign of it, or with the words", async () => {
  const { presence, clock } = room(ann, bob);
  presence.typing("ann");
  presence.typing("bob");
  await clock.pass(4_000);
  presence.typing("bob");
  await clock.pass(2_000);
  assert.deepEqual([...presence.typists.keys()], ["bob"]);
  presence.messageFrom("bob");
  assert.equal(presence.typists.size, 0);
});

const numbered = (from, to) => Array.from({ length: to - from }, (_, n) => ({ id: `p${from + n}`, nickname: `p${from + n}` }));

/** Pages of these people, as the verb answers them; what was asked is kept. */
function pagesOf(people, asked) {
  return async (after, limit) => {
    asked.push([after, limit]);
    const start = after === undefined ? 0 : people.findIndex(({ nickname }) => nickname === after) + 1;
    const end = start + Math.min(limit, 200);
    return { people: people.slice(start, end), more: end < people.length, count: people.length };
  };
}

test("in a large room the first page follows, and who comes and goes is no news", async () => {
  const { presence, names } = room(ann, bob, cid);
  presence.update({ joined: [{ id: "abe", nickname: "abe" }], left: [bob], changed: [lost(ann)], beyond: ["cid"], count: 900, partial: true });
  assert.deepEqual([names().sort(), presence.people.get("ann"), presence.count, presence.news], [["abe", "ann"], lost(ann), 900, ""]);
  assert.equal(presence.isStale, false, "whoever joins a large room holds its first page, and need not ask for it again");
  presence.update({ joined: [], left: [], changed: [cid], count: 899, partial: true });
  assert.deepEqual([names().sort(), presence.count], [["abe", "ann", "cid"], 899], "cid moved up onto the page");
});

test("when a room becomes large, of those who are known only the first page stays", async () => {
  const asked = [];
  const { presence, names } = room(...numbered(100, 299));
  presence.update({ joined: numbered(299, 300), left: [], count: 200 });
  presence.update({ joined: [], left: [], count: 300, partial: true });
  assert.equal(presence.isStale, true);
  await presence.refresh(pagesOf(numbered(100, 400), asked), 50);
  assert.deepEqual([asked, names().length, presence.count, presence.isStale], [[[undefined, 50]], 50, 300, false]);
  presence.update({ joined: [], left: [], count: 301, partial: true });
  assert.equal(presence.isStale, false, "the first page follows by itself");
});

test("when it is small again, what is shown is asked for once", async () => {
  const asked = [];
  const { presence, names } = room(...numbered(100, 150));
  presence.update({ joined: [], left: [], count: 210, partial: true });
  presence.update({ joined: [], left: numbered(300, 310), count: 200 });
  assert.equal(presence.isStale, true);
  await presence.refresh(pagesOf(numbered(100, 300), asked), 50);
  assert.deepEqual([asked, names().length, presence.isStale], [[[undefined, 50]], 50, false]);
});

test("further pages of a large room are stale with each event, and fetched again as far as they were shown", async () => {
  const [asked, people] = [[], numbered(100, 900)];
  const { presence, names } = room(...numbered(100, 150));
  presence.update({ joined: [], left: [], count: 800, partial: true });
  await presence.refresh(pagesOf(people, []), 50);
  presence.addPage(numbered(150, 350));
  assert.equal(presence.isStale, false);
  presence.update({ joined: [], left: [], count: 799, partial: true });
  assert.equal(presence.isStale, true);
  await presence.refresh(pagesOf(people.filter(({ id }) => id !== "p200"), asked), 50);
  assert.deepEqual(asked, [[undefined, 250], ["p300", 50]]);
  assert.deepEqual([names().length, names().includes("p200"), presence.lastOfPages], [250, false, "p350"]);
});

test("what could not be fetched stays shown, and stale", async () => {
  const { presence, names } = room(ann, bob);
  presence.update({ joined: [], left: [], count: 300, partial: true });
  await presence.refresh(async () => null, 50);
  assert.deepEqual([names(), presence.isStale], [["ann", "bob"], true]);
});
