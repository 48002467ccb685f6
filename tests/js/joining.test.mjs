import assert from "node:assert/strict";
import { test } from "node:test";

import { Joining } from "../../static/js/joining.js";

/** Rooms by name, each with the ack of its join; the first one is active. */
function open(acks) {
  const asked = [];
  const done = [];
  const all = Object.entries(acks).map(([name, ack]) => ({
    name,
    join: async (nickname) => {
      asked.push([name, nickname]);
      return ack;
    },
  }));
  const joining = new Joining({
    rooms: { active: all[0], all: () => [...all].reverse() },
    me: { pendingWish: "ann" },
    joined: ({ name }) => done.push(`joined ${name}`),
    nicknameRefused: ({ error }) => done.push(error),
    refused: ({ error }) => done.push(`notice ${error}`),
  });
  return { joining, asked, done };
}

test("the active room is joined first, then the others, each with the nickname wished for", async () => {
  const { joining, asked, done } = open({ den: { ok: true }, attic: { ok: true }, lobby: { ok: true } });
  await joining.joinAll();
  assert.deepEqual(asked, [["den", "ann"], ["lobby", "ann"], ["attic", "ann"]]);
  assert.deepEqual(done, ["joined den", "joined lobby", "joined attic"]);
});

test("a refused nickname is asked for once, not in every room", async () => {
  const { joining, asked, done } = open({ den: { ok: false, error: "nickname_taken" }, attic: { ok: true } });
  await joining.joinAll();
  assert.deepEqual([asked.length, done], [1, ["nickname_taken"]]);
});

test("any other refusal is a notice, and a lost connection is none", async () => {
  const { joining, done } = open({ den: { ok: true }, attic: { ok: false, error: "banned" }, lobby: null });
  await joining.joinAll();
  assert.deepEqual(done, ["joined den", "notice banned"]);
});

test("a room that is not open cannot be joined", async () => {
  assert.equal(await open({ den: { ok: true } }).joining.join(undefined), false);
});
