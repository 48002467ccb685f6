import assert from "node:assert/strict";
import { test } from "node:test";

import { isRemoval, isShut } from "../../static/js/refusal.js";
import { doorOf } from "../../static/js/room-door.js";

const NOW = Date.parse("2026-11-28T12:00:00Z");

test("whoever was kicked waits a moment, and may then come back", () => {
  const kicked = { error: "kicked", text: "You were sent out.", until: "2026-11-28T12:00:10Z", reason: "calm down" };
  const { title, wait, counts, reason } = doorOf(kicked, NOW);
  assert.deepEqual([title, wait, counts, reason], ["You were removed from this room", "0:10", true, "Reason: calm down"]);
  assert.equal(doorOf(kicked, NOW + 10_500).wait, "0:00");
  const after = doorOf(kicked, NOW + 11_000);
  assert.deepEqual([after.wait, after.counts, after.text], ["", false, "A moderator has removed you. You can come back."]);
});

test("a banned person sees until when, and may try before that: bans are lifted", () => {
  const banned = { error: "banned", text: "You are banned.", until: "2026-11-28T12:30:00Z" };
  const { text, wait, counts } = doorOf(banned, NOW);
  assert.match(text, /^A moderator has banned you until .*: 30:00 left\.$/);
  assert.deepEqual([wait, counts], ["", true]);
  assert.equal(doorOf(banned, NOW + 3_600_000).text, "The ban is over.");
  assert.equal(doorOf({ error: "banned", text: "No." }, NOW).text, "A moderator has banned you for good.");
});

test("a passphrase is asked for; it is trouble only where one was given", () => {
  const asked = doorOf({ error: "wrong_passphrase", text: "It has one.", needed: true }, NOW);
  assert.deepEqual([asked.asksPassphrase, asked.isTrouble, asked.text], [true, false, "It has one."]);
  assert.equal(doorOf({ error: "wrong_passphrase", text: "Not this." }, NOW).isTrouble, true);
  assert.equal(doorOf({ error: "locked", text: "Nobody new." }, NOW).asksPassphrase, false);
});

test("whoever comes in too fast waits, and sees for how long", () => {
  const waiting = { error: "waiting", text: "Too many guesses.", until: "2026-11-28T12:00:42Z" };
  const { title, text, wait, asksPassphrase } = doorOf(waiting, NOW);
  assert.deepEqual([title, text, wait, asksPassphrase], ["One moment, please", "Too many guesses.", "0:42", false]);
  assert.equal(isShut(waiting), false);
});

test("only a kick and a ban keep one out until one asks again", () => {
  assert.deepEqual(["kicked", "banned", "locked", "wrong_passphrase"].map((error) => isRemoval({ error })), [true, true, false, false]);
  for (const error of ["banned", "kicked", "locked", "wrong_passphrase", "not_allowed"]) assert.ok(isShut({ error }) && doorOf({ error, text: "" }, NOW).title, error);
  assert.deepEqual(["too_many", "bad_room", "storage", "toString"].map((error) => isShut({ error })), Array(4).fill(false));
});
