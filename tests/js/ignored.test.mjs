import assert from "node:assert/strict";
import { test } from "node:test";

import { Ignored, ignoredRuns, isNews } from "../../static/js/ignored.js";

const me = { is: (id) => id === "ann", ignores: (id) => id === "eve" };
const NOON = "2026-11-28T12:00:00Z";

function log(...authors) {
  return authors.map((author, at) => ({ seq: at + 1, author, nickname: author, at: NOON }));
}

function runs(messages) {
  return [...new Set(ignoredRuns(messages, me.ignores).values())].map(({ seqs }) => seqs);
}

test("news is what others say, but not those who are ignored, and nothing that is deleted", () => {
  const isNewsOf = (author, deleted) => isNews({ author, deleted }, me);
  assert.deepEqual([isNewsOf("bob"), isNewsOf("ann"), isNewsOf("eve"), isNewsOf("bob", true)], [true, false, false, false]);
});

test("messages of an ignored person that follow each other are one run", () => {
  assert.deepEqual(runs(log("eve", "eve", "bob", "eve", "ann", "bob")), [[1, 2], [4]]);
  assert.deepEqual(runs(log("bob", "ann")), []);
  assert.deepEqual(runs([]), []);
});

test("a run ends with the day, and with another ignored person", () => {
  const two = log("eve", "eve", "eve");
  two[2].at = "2026-12-02T12:00:00Z";
  assert.deepEqual(runs(two), [[1, 2], [3]]);
  const all = [...new Set(ignoredRuns(log("eve", "fay"), () => true).values())];
  assert.deepEqual(all.map(({ nickname }) => nickname), ["eve", "fay"]);
});

test("each list from the server replaces the one before, and says who changed", () => {
  const ignored = new Ignored();
  assert.deepEqual(ignored.set(["eve", "fay"]), ["eve", "fay"]);
  assert.deepEqual(ignored.set(["fay"]), ["eve"]);
  assert.deepEqual(ignored.set(["fay"]), []);
  assert.deepEqual([ignored.has("eve"), ignored.has("fay")], [false, true]);
});
