import assert from "node:assert/strict";
import { test } from "node:test";

import { isolate, plain, write } from "../../static/js/isolate.js";
import { namesOf, Presence } from "../../static/js/presence.js";

test("a sentence reads the same with its names isolated", () => {
  const sentence = `${isolate("אבי")} is now ${isolate("Ann")}`;
  assert.notEqual(sentence, "אבי is now Ann");
  assert.equal(plain(sentence), "אבי is now Ann");
});

test("every name of a list is isolated by itself", () => {
  assert.equal(namesOf(["a", "b", "c"], isolate), "\u2068a\u2069, \u2068b\u2069 and \u2068c\u2069");
  assert.equal(namesOf(["a", "b", "c", "d"], isolate), "\u2068a\u2069, \u2068b\u2069 and 2 others");
});

test("news of who came, went and was renamed isolates their names", () => {
  const presence = new Presence({ wait: () => new Promise(() => {}), now: () => 0, changed: () => {} });
  presence.reset([{ id: "1", nickname: "Ann" }, { id: "2", nickname: "Bob" }], 2);
  presence.update({ joined: [{ id: "3", nickname: "אבי" }, { id: "1", nickname: "Anna" }], left: [{ id: "2", nickname: "Bob" }], count: 2 });
  assert.equal(presence.newsWith(isolate), "\u2068אבי\u2069 joined, \u2068Bob\u2069 left, \u2068Ann\u2069 is now \u2068Anna\u2069");
  assert.equal(presence.news, "אבי joined, Bob left, Ann is now Anna");
});

test("a name within words that a translation isolates is drawn with them, and no mark is left over", (context) => {
  globalThis.document = { createElement: () => ({}) };
  context.after(() => delete globalThis.document);
  let drawn = null;
  write({ textContent: "", replaceChildren: (...parts) => (drawn = parts.map((part) => part.textContent ?? part)) }, `No ${isolate(`/${isolate("x")}`)}, ${isolate("/help")}.`);
  assert.deepEqual(drawn, ["No ", "/x", ", ", "/help", "."]);
});
