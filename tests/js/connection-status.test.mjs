import assert from "node:assert/strict";
import { test } from "node:test";

import { statusText } from "../../static/js/connection-status.js";

test("while connected, the transport is told and the latency is for the eye", () => {
  const { word, transport, detail, title } = statusText({ state: "connected", transport: "websocket", latency: 12 }, 0);
  assert.equal(word + transport, "Connected · websocket");
  assert.equal(detail, "12\u00a0ms");
  assert.match(title, /12\u00a0ms/);
});

test("before the first measure there is no latency", () => {
  assert.equal(statusText({ state: "connected", transport: "polling" }, 0).detail, "");
});

test("the countdown is in whole seconds and never says nought", () => {
  const status = { state: "waiting", until: 10_000 };
  const details = [0, 5_100, 9_999, 11_000].map((now) => statusText(status, now).detail);
  assert.deepEqual(details, ["in 10\u00a0s", "in 5\u00a0s", "in 1\u00a0s", "in 1\u00a0s"]);
});

test("a long time is told in minutes", () => {
  const details = [99_000, 100_000, 3_600_000].map((until) => statusText({ state: "waiting", until }, 0).detail);
  assert.deepEqual(details, ["in 99\u00a0s", "in 2\u00a0min", "in 60\u00a0min"]);
});

test("the sentence that is told stays the same through a countdown", () => {
  const status = { state: "waiting", until: 10_000 };
  assert.equal(new Set([0, 4_000, 9_000].map((now) => statusText(status, now).word)).size, 1);
});

test("every state has words and leads to the diagnostics", () => {
  for (const state of ["connecting", "offline", "waiting", "connected"]) {
    const { word, title } = statusText({ state, until: 0 }, 0);
    assert.ok(word);
    assert.match(title, /Diagnose/);
  }
});
