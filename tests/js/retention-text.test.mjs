import assert from "node:assert/strict";
import { test } from "node:test";

import { logStart } from "../../static/js/log-start.js";
import { retentionLabel, retentionSentence } from "../../static/js/retention-text.js";

const room = (values) => ({ name: "den", rev: 9, hasOlder: false, messages: [{ seq: 1 }], ...values });

test("where all is kept for ever, nothing is said of it", () => {
  for (const keep of [undefined, {}]) assert.deepEqual([retentionSentence(keep), retentionLabel(keep)], ["", ""]);
});

test("what is kept is a sentence, and a few words for the head", () => {
  const keeps = [{ days: 30 }, { messages: 500 }, { days: 7, messages: 12_000 }, { messages: 1 }];
  const told = keeps.map((keep) => [retentionSentence(keep), retentionLabel(keep)]);
  assert.deepEqual(told, [
    ["Messages here are kept for 30 days.", "Kept 30 days"],
    ["Only the last 500 messages are kept.", "Keeps the last 500"],
    ["Messages here are kept for 7 days, the last 12,000 messages at most.", "Kept 7 days, last 12,000"],
    ["Only the last message is kept.", "Keeps the last 1"],
  ]);
});

test("a size is told in the unit that fits it", () => {
  const keeps = [{ bytes: 5_000_000 }, { bytes: 924 }, { messages: 500, bytes: 1_500 }, { days: 7, messages: 1, bytes: 2e9 }];
  const told = keeps.map((keep) => [retentionSentence(keep), retentionLabel(keep)]);
  assert.deepEqual(told, [
    ["Only the last 5\u00a0MB of messages are kept.", "Keeps the last 5\u00a0MB"],
    ["Only the last 924 bytes of messages are kept.", "Keeps the last 924 bytes"],
    ["Only the last 500 messages are kept, 1.5\u00a0KB at most.", "Keeps the last 500, last 1.5\u00a0KB"],
    ["Messages here are kept for 7 days, the last message and the last 2\u00a0GB at most.", "Kept 7 days, last 1, last 2\u00a0GB"],
  ]);
});

test("a time is told in the unit that fits it", () => {
  const some = [365, 1, 1.5, 0.5, 1 / 24, 90 / 1440, 1 / 1440, 0.00001];
  const spans = some.map((days) => retentionLabel({ days }).replace("Kept ", ""));
  assert.deepEqual(spans, ["365 days", "a day", "36 hours", "12 hours", "an hour", "90 minutes", "a minute", "a minute"]);
});

test("the beginning is claimed only where the first message is held", () => {
  assert.equal(logStart(room()), "This is the beginning of #den.");
  assert.equal(logStart(room({ messages: [{ seq: 4 }] })), "Older messages have been let go of.");
  assert.equal(logStart(room({ hasOlder: true, messages: [{ seq: 4 }] })), "Earlier messages");
});

test("a room in which nothing was said yet begins here; one that was emptied does not", () => {
  assert.equal(logStart(room({ messages: [], rev: 0 })), "This is the beginning of #den.");
  assert.equal(logStart(room({ messages: [] })), "Older messages have been let go of.");
});

test("what is kept is said with it", () => {
  const start = logStart(room({ messages: [{ seq: 4 }] }), retentionSentence({ days: 1 }));
  assert.equal(start, "Older messages have been let go of. Messages here are kept for a day.");
});
