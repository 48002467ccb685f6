import assert from "node:assert/strict";
import { test } from "node:test";

import { countdown, silencedBy, silenceSentence, span } from "../../static/js/standing.js";

const NOW = Date.parse("2026-11-28T12:00:00Z");

function sentence(rules, lastOwn) {
  const silence = silencedBy(rules, lastOwn, NOW);
  return silence && silenceSentence(silence, NOW);
}

test("whoever is muted sees for how long, and why", () => {
  assert.equal(sentence({ muted: { until: "2026-11-28T12:04:32Z", reason: "spam" } }), "A moderator has muted you in this room. Reason: “spam”. You can speak again in 4:32.");
  assert.equal(sentence({ muted: {} }), "A moderator has muted you in this room.");
  assert.equal(sentence({ muted: { until: "2026-11-28T11:59:59Z" } }), null);
});

test("in slow mode one waits since one's own last message, moderators do not", () => {
  assert.equal(sentence({ slow: 30 }, NOW - 12_000), "Slow mode: one message every 30\u00a0s. The next one in 0:18.");
  assert.equal(sentence({ slow: 30 }, NOW - 30_000), null);
  for (const [rules, lastOwn] of [[{ slow: 30, role: "moderator" }, NOW], [{ slow: 30, role: "owner" }, NOW], [{ slow: 0 }, NOW], [{ slow: 30 }, NaN], [{ slow: 30 }, undefined]]) {
    assert.equal(sentence(rules, lastOwn), null);
  }
});

test("a time that is left is shown in the unit that changes", () => {
  const cases = { 0: "0:00", 1: "0:01", 6_400: "0:07", 59_000: "0:59", 60_000: "1:00", 3_599_000: "59:59", 3_600_000: "1\u00a0h 0\u00a0min", 11_100_000: "3\u00a0h 5\u00a0min", 86_400_000: "1 day", 170_000_000: "2 days" };
  for (const [ms, text] of Object.entries(cases)) assert.equal(countdown(Number(ms)), text);
  assert.equal(countdown(-5_000), "0:00");
});

test("a length is said as people say it", () => {
  assert.deepEqual([30, 90, 600, 3_600, 7_200, 86_400, 604_800].map((s) => span(s * 1000)), ["30\u00a0s", "90\u00a0s", "10\u00a0min", "1 hour", "2 hours", "1 day", "7 days"]);
});
