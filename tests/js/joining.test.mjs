import assert from "node:assert/strict";
import { test } from "node:test";

import { Joining } from "../../static/js/joining.js";

/** Rooms by name, each with the ack of its join; the first one is active. */
function open(acks) {
  const asked = [];
  const done = [];
  const all = Object.entries(acks).map(([name, ack]) => ({
    name,
    join: async (nickname, passphrase) => {
      asked.push([name, nickname, ...(passphrase ? [passphrase] : [])]);
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
  return { joining, asked, done, all };
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
  const { joining, done } = open({ den: { ok: true }, attic: { ok: false, error: "too_many" }, lobby: null });
  await joining.joinAll();
  assert.deepEqual(done, ["joined den", "notice too_many"]);
});

test("a refusal of the active room's own keeps nobody out of the others", async () => {
  const { joining, done } = open({ "@eve": { ok: false, error: "no_such_person" }, attic: { ok: true }, lobby: { ok: true } });
  await joining.joinAll();
  assert.deepEqual(done, ["notice no_such_person", "joined lobby", "joined attic"]);
});

test("what the room's own doorway shows is no notice, and keeps nobody out of the other rooms", async () => {
  for (const error of ["banned", "locked", "wrong_passphrase"]) {
    const { joining, done, all } = open({ den: { ok: false, error }, attic: { ok: true } });
    all[0].refusal = { error };
    await joining.joinAll();
    assert.deepEqual(done, ["joined attic"], error);
  }
});

test("whoever was kicked or banned comes back by their own wish alone", async () => {
  for (const error of ["kicked", "banned"]) {
    const { joining, asked, all } = open({ den: { ok: true } });
    all[0].refusal = { error };
    await joining.joinAll();
    assert.equal(await joining.join(all[0]), false);
    assert.deepEqual(asked, []);
    assert.equal(await joining.again(all[0]), true);
    assert.equal(asked.length, 1);
  }
});

test("a room that asks for a passphrase is asked again with the one that was typed", async () => {
  const { joining, asked, all } = open({ den: { ok: true } });
  all[0].refusal = { error: "wrong_passphrase" };
  await joining.again(all[0], "open sesame");
  assert.deepEqual(asked, [["den", "ann", "open sesame"]]);
});

test("an owner key is claimed before the room is joined", async () => {
  const { joining, asked } = open({ den: { ok: true } });
  joining.prepare = async ({ name }) => asked.push(["claim", name]);
  await joining.joinAll();
  assert.deepEqual(asked, [["claim", "den"], ["den", "ann"]]);
});

test("a room that is not open cannot be joined", async () => {
  assert.equal(await open({ den: { ok: true } }).joining.join(undefined), false);
});
