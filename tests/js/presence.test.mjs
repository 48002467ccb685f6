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
  presence.seat(people, people.length);
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
  presence.update({ joined: [cid], left: [], count: 2 });
  assert.equal(presence.news, "ann joined");
  presence.spoke("ann");
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
  presence.seat([ann], 1);
  await clock.pass(14_000);
  presence.update({ joined: [bob, cid], left: [], count: 3 });
  assert.equal(presence.news, "cid joined");
  presence.update({ joined: [], left: [bob], count: 2 });
  assert.equal(presence.news, "cid joined, bob left", "that one is here again, so the rest is news");
});

test("who comes back long after the break has joined", async () => {
  const { presence, clock } = room(ann, bob);
  presence.seat([ann], 1);
  await clock.pass(30_000);
  presence.update({ joined: [bob], left: [], count: 2 });
  assert.equal(presence.news, "bob joined");
});

test("two breaks in a row: those from before the first are no news either", async () => {
  const { presence, clock } = room(ann, bob);
  presence.seat([ann], 1);
  await clock.pass(5_000);
  presence.seat([ann], 1);
  presence.update({ joined: [bob], left: [], count: 2 });
  assert.equal(presence.news, "");
});

test("the news from before a break is old after it", () => {
  const { presence } = room(ann);
  presence.update({ joined: [bob], left: [], count: 2 });
  presence.seat([ann], 1);
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
  presence.spoke("bob");
  assert.equal(presence.typists.size, 0);
});
