import assert from "node:assert/strict";
import { test } from "node:test";

import { Away, AWAY_MS } from "../../static/js/away.js";
import { statusEnd } from "../../static/js/status-end.js";

function page() {
  const told = [];
  const target = new EventTarget();
  let now = 1_000;
  let look;
  const away = new Away({ tell: (isAway) => told.push(isAway), now: () => now, target, every: (_, act) => (look = act) });
  return { away, told, touch: (name) => target.dispatchEvent(new Event(name)), later: (ms) => ((now += ms), look()) };
}

test("without input for ten minutes one is away, with the first touch one is back", () => {
  const { told, touch, later } = page();
  later(AWAY_MS - 1);
  touch("keydown");
  later(AWAY_MS - 1);
  assert.deepEqual(told, []);
  later(1);
  later(AWAY_MS);
  assert.deepEqual(told, [true], "said once");
  touch("pointermove");
  touch("pointermove");
  assert.deepEqual(told, [true, false]);
});

test("a new connection is told that one is away", () => {
  const { away, told, later } = page();
  away.welcome();
  assert.deepEqual(told, []);
  later(AWAY_MS);
  away.welcome();
  assert.deepEqual(told, [true, true]);
});

test("a status ends when it was said to", () => {
  const now = new Date(2026, 10, 28, 21, 30).getTime();
  assert.equal(statusEnd("", now), null);
  assert.equal(Date.parse(statusEnd("30", now)), now + 1_800_000);
  assert.equal(Date.parse(statusEnd("today", now)), new Date(2026, 10, 29).getTime());
  const set = new Date(now + 1_000).toISOString();
  assert.equal(statusEnd(set, now), set);
  assert.equal(statusEnd(set, now + 2_000), null);
  assert.equal(statusEnd("none", now), null);
});
