import assert from "node:assert/strict";
import { test } from "node:test";

import { NewerVersion } from "../../static/js/newer-version.js";
import { MemoryStorage } from "./memory-storage.mjs";

function page({ session = new MemoryStorage(), busy = false, hidden = false } = {}) {
  const found = { reloads: 0, told: 0, time: 0, listeners: {}, busy, session };
  found.document = { hidden, addEventListener: (name, listener) => (found.listeners[name] = listener) };
  found.version = new NewerVersion({
    own: "a",
    session,
    isBusy: () => found.busy,
    tell: (reload) => ((found.told += 1), (found.press = reload)),
    reload: () => (found.reloads += 1),
    now: () => found.time,
    document: found.document,
  });
  return found;
}

test("the same version is no news", () => {
  const { version, ...found } = page({ hidden: true });
  version.met("a");
  version.met(undefined);
  assert.deepEqual([found.told, found.reloads], [0, 0]);
});

test("a newer one is told once, and loaded when the page is hidden", () => {
  const found = page();
  found.version.met("b");
  found.version.met("b");
  assert.deepEqual([found.told, found.reloads], [1, 0]);
  found.document.hidden = true;
  found.listeners.visibilitychange();
  assert.equal(found.reloads, 1);
});

test("not while something is typed or unsent, even where it is hidden", () => {
  const found = page({ busy: true, hidden: true });
  found.version.met("b");
  assert.equal(found.reloads, 0);
  found.busy = false;
  found.version.look();
  assert.equal(found.reloads, 1);
});

test("a page in sight is loaded anew after a minute in which nobody touched it", () => {
  const found = page();
  found.version.met("b");
  found.time = 59_000;
  found.listeners.keydown();
  found.time = 70_000;
  found.version.look();
  assert.equal(found.reloads, 0);
  found.time = 120_000;
  found.version.look();
  assert.equal(found.reloads, 1);
});

test("two servers that take turns make no loop, but whoever presses is obeyed", () => {
  const session = new MemoryStorage();
  const first = page({ session, hidden: true });
  first.version.met("b");
  assert.equal(first.reloads, 1);
  const again = page({ session, hidden: true }); // the older server has answered
  again.version.met("b");
  assert.deepEqual([again.told, again.reloads], [1, 0]);
  again.press();
  assert.equal(again.reloads, 1);
});
