import assert from "node:assert/strict";
import { test } from "node:test";

import { tabName, tabsAlive } from "../../static/js/tab.js";
import { MemoryStorage } from "./memory-storage.mjs";

/** The browser's locks, as far as a tab uses them. */
class Locks {
  held = [];

  async request(name, options, hold) {
    this.held.push({ name });
    await hold();
  }

  async query() {
    return { held: this.held };
  }
}

test("a tab keeps its name through reloads, and others see that it lives", async () => {
  const session = new MemoryStorage();
  const locks = new Locks();
  assert.equal(tabName(session, () => "one", locks), "one");
  assert.equal(tabName(session, () => "other", locks), "one");
  assert.deepEqual(await tabsAlive(locks), new Set(["one"]));
});

test("where the browser has no locks, or keeps them to itself, nobody can tell", async () => {
  const forbidden = { query: () => Promise.reject(new Error("not here")), request: () => Promise.reject(new Error("not here")) };
  assert.equal(tabName(new MemoryStorage(), () => "one", null), "one");
  assert.equal(tabName(new MemoryStorage(), () => "one", forbidden), "one");
  assert.equal(await tabsAlive(null), null);
  assert.equal(await tabsAlive(forbidden), null);
});
