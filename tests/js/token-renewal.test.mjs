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

async function welcomed(one, isUnknown) {
  return one.isDue(isUnknown) && one.ask();
}

test("an unknown cookie is replaced once, and the page comes again", async () => {
  const { posted, renewal: one } = renewal([OK]);
  assert.equal(await welcomed(one, true), true);
  assert.equal(await welcomed(one, true), false, "the cookie was not kept: this browser has none");
  assert.equal(posted.length, 1);
});

test("with a good cookie nothing is asked", async () => {
  const { posted, renewal: one } = renewal([]);
  assert.equal(await welcomed(one, undefined), false);
  assert.deepEqual(posted, []);
});

test("each loss of the database is mended, in a tab that outlives them", async () => {
  const { posted, renewal: one } = renewal([OK, OK]);
  for (const isUnknown of [true, undefined, true]) assert.equal(await welcomed(one, isUnknown), Boolean(isUnknown));
  assert.equal(posted.length, 2);
});

test("a tab has its seed before the cookie is lost, so that two that lose it at once have the same", async () => {
  const { posted, storage, renewal: one } = renewal([OK]);
  await welcomed(one, undefined);
  const seed = storage.get("seed");
  await welcomed(one, true);
  assert.deepEqual(posted, [{ seed }]);
});

test("all tabs ask with the same seed, whatever stood in its row", async () => {
  const { posted, storage, renewal: one } = renewal([OK]);
  storage.set("seed", "{ no seed");
  const { posted: there, renewal: tab } = renewal([OK], storage);
  await welcomed(one, true);
  await welcomed(tab, true);
  assert.deepEqual(posted, there);
  assert.match(posted[0].seed, /^[A-Za-z0-9_-]{8,}$/);
});

test("a handle brings the cookie, which is confirmed by coming with it", async () => {
  const { posted, renewal: one } = renewal([OK, OK]);
  assert.equal(await one.identified("handle"), true);
  assert.deepEqual(posted, [{ handle: "handle" }, { seed: one.seed }]);
  assert.equal(await welcomed(one), false, "done");
});

test("where no answer came the handle is tried again with the next welcome", async () => {
  const { posted, renewal: one } = renewal([null, OK, OK]);
  assert.equal(await one.identified("handle"), false);
  assert.equal(await welcomed(one), true);
  assert.deepEqual(posted.slice(0, 2), [{ handle: "handle" }, { handle: "handle" }]);
});

test("a handle that is refused is given up", async () => {
  const { posted, renewal: one } = renewal([{ ok: false }]);
  assert.equal(await one.identified("handle"), false);
  assert.equal(await welcomed(one), false);
  assert.equal(posted.length, 1);
});
