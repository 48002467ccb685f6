import assert from "node:assert/strict";
import { test } from "node:test";

import { reportOf, toMend, verdictOf } from "../../static/js/diagnostics/verdict.js";

const finding = (name, verdict = "ok", more = {}) => ({ name, verdict, seen: "seen", ...more });
const bad = (name, mend = `mend the ${name}`) => finding(name, "bad", { cause: "why", mend });
const title = (...findings) => verdictOf([finding("Server"), finding("Way"), ...findings]).title;

test("all is well where every offered transport works", () => {
  assert.equal(title(finding("Polling"), finding("WebSocket")), "All is well: WebSocket and polling work.");
  assert.equal(title(finding("Polling"), finding("WebSocket", "unknown")), "All is well: polling works.");
  assert.equal(title(finding("Polling", "unknown"), finding("WebSocket")), "All is well: WebSocket works.");
});

test("one of two is a hitch, and it is said which one is left", () => {
  assert.equal(title(finding("Polling"), bad("WebSocket")), "You can talk, by polling only.");
  assert.equal(title(bad("Polling"), finding("WebSocket")), "You can talk, by WebSocket only.");
});

test("where the only offered transport is broken, nobody can talk", () => {
  assert.deepEqual(verdictOf([finding("Server"), finding("Polling", "unknown"), bad("WebSocket")]), {
    verdict: "bad",
    title: "No way to talk works from here.",
  });
});

test("a server that is away, and several of them, come before the transports", () => {
  assert.equal(verdictOf([{ ...bad("Server"), isAway: true }]).title, "The server cannot be reached from here.");
  const several = verdictOf([{ ...bad("Server"), areMany: true }, bad("Polling"), finding("WebSocket")]);
  assert.equal(several.title, "Several servers answer in turn: people miss each other.");
});

test("what is cut in silence is no reason to say that all is well", () => {
  assert.match(title(finding("Polling"), finding("WebSocket"), bad("Silent WebSocket")), /lines are cut/);
  assert.match(title(finding("Polling"), finding("WebSocket"), finding("Silent WebSocket", "unknown")), /All is well/);
});

test("the same thing to do is told once, for all that call for it", () => {
  const silent = ["Silent WebSocket", "Silent polling"].map((name) => bad(name, "wait longer"));
  const mends = toMend([finding("Server"), silent[0], bad("Way", "trust"), silent[1]]);
  assert.deepEqual(mends, [
    { name: "Silent WebSocket, Silent polling", mend: "wait longer" },
    { name: "Way", mend: "trust" },
  ]);
});

test("the report holds the verdict, every finding, and who looked from where", () => {
  const found = [finding("Server"), finding("Polling"), bad("WebSocket")];
  const report = reportOf(found, { site: "here", when: "now", agent: "a browser" });
  assert.equal(
    report,
    [
      "here, now",
      "You can talk, by polling only.",
      "",
      "[ok] Server: seen",
      "[ok] Polling: seen",
      "[bad] WebSocket: seen",
      "    cause: why",
      "    mend: mend the WebSocket",
      "",
      "a browser",
    ].join("\n"),
  );
});
