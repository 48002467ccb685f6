import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../../static/js/server-clock.js";

const DAY = 86_400_000;

/** A local clock, and a server that is so far ahead of it and whose answer takes 2 s. */
function clocks(ahead) {
  const local = { time: 1_800_000_000_000 };
  const clock = new ServerClock(() => local.time);
  const ask = async () => {
    const at = new Date(local.time + 1_000 + ahead).toISOString();
    local.time += 2_000;
    return { ok: true, at };
  };
  return { local, clock, ask };
}

test("until the server has told its time, the local clock counts", () => {
  const { local, clock } = clocks(DAY);
  assert.equal(clock.now(), local.time);
});

test("the server's time counts, with the way taken off", async () => {
  for (const ahead of [-DAY, 0, 90_000, 400 * DAY]) {
    const { local, clock, ask } = clocks(ahead);
    assert.equal(await clock.measure(ask), true);
    assert.equal(clock.now(), local.time + ahead);
    assert.equal(clock.of(5), 5 + ahead);
  }
});

test("it is asked once, and again only where there was no answer", async () => {
  const { local, clock, ask } = clocks(DAY);
  for (const bad of [async () => Promise.reject(new Error("gone")), async () => ({ ok: false }), async () => ({ ok: true, at: "?" })]) {
    assert.equal(await clock.measure(bad), false);
  }
  assert.equal(await clock.measure(ask), true);
  assert.equal(await clock.measure(async () => ({ ok: true, at: "2001-01-01T00:00:00Z" })), false);
  assert.equal(clock.now(), local.time + DAY);
});
