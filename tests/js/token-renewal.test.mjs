// The page asks for another cookie where its own is none of the server's, and after `identify`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TokenRenewal } from "../../static/js/token-renewal.js";
import { MemoryStorage } from "./memory-storage.mjs";

const OK = { ok: true };

function renewal(answers, storage = new MemoryStorage()) {
  const posted = [];
  const post = async (payload) => {
    posted.push(payload);
    return answers.shift() ?? null;
  };
  return { posted, storage, renewal: new TokenRenewal({ storage, post }) };
}

test("an unknown cookie is replaced once, and the page comes again", async () => {
  const { posted, renewal: one } = renewal([OK]);
  assert.equal(await one.welcomed(true), true);
  assert.equal(await one.welcomed(true), false, "the cookie was not kept: this browser has none");
  assert.equal(posted.length, 1);
});

test("with a good cookie nothing is asked", async () => {
  const { posted, renewal: one } = renewal([]);
  assert.equal(await one.welcomed(undefined), false);
  assert.deepEqual(posted, []);
});

test("all tabs ask with the same seed, whatever stood in its row", async () => {
  const { posted, storage, renewal: one } = renewal([OK]);
  storage.set("seed", "{ no seed");
  const { posted: there, renewal: tab } = renewal([OK], storage);
  await one.welcomed(true);
  await tab.welcomed(true);
  assert.deepEqual(posted, there);
  assert.match(posted[0].seed, /^[A-Za-z0-9_-]{8,}$/);
});

test("a handle brings the cookie, which is confirmed by coming with it", async () => {
  const { posted, renewal: one } = renewal([OK, OK]);
  assert.equal(await one.identified("handle"), true);
  assert.deepEqual(posted, [{ handle: "handle" }, { seed: one.seed }]);
  assert.equal(await one.welcomed(), false, "done");
});

test("where no answer came the handle is tried again with the next welcome", async () => {
  const { posted, renewal: one } = renewal([null, OK, OK]);
  assert.equal(await one.identified("handle"), false);
  assert.equal(await one.welcomed(), true);
  assert.deepEqual(posted.slice(0, 2), [{ handle: "handle" }, { handle: "handle" }]);
});

test("a handle that is refused is given up", async () => {
  const { posted, renewal: one } = renewal([{ ok: false }]);
  assert.equal(await one.identified("handle"), false);
  assert.equal(await one.welcomed(), false);
  assert.equal(posted.length, 1);
});
