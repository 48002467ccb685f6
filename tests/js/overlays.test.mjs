import assert from "node:assert/strict";
import { test } from "node:test";

import { Overlays } from "../../static/js/overlays.js";

/** The browser's history: entries, where one is in them, and a popstate some time after each going back. */
class FakeHistory {
  constructor() {
    this.entries = [{ state: null, url: "/r/lobby" }];
    this.at = 0;
  }

  get state() {
    return this.entries[this.at].state;
  }

  get url() {
    return this.entries[this.at].url;
  }

  pushState(state, _, url = this.url) {
    this.entries.splice(this.at + 1, Infinity, { state, url });
    this.at += 1;
  }

  replaceState(state, _, url = this.url) {
    this.entries[this.at] = { state, url };
  }

  back() {
    setImmediate(() => {
      this.at -= 1;
      this.popped();
    });
  }
}

function begin() {
  const history = new FakeHistory();
  const overlays = new Overlays(history);
  const log = [];
  history.popped = () => log.push(overlays.popped());
  const open = (name) => overlays.opened(name, () => log.push(`close ${name}`));
  return { history, overlays, open, log };
}

const settled = () => new Promise((done) => setTimeout(done, 5));

test("Back closes what lies over the page, and the room stays", async () => {
  const { history, open, log } = begin();
  open("drawer");
  await settled();
  assert.equal(history.at, 1);
  history.back();
  await settled();
  assert.deepEqual([log, history.at, history.url], [["close drawer", true], 0, "/r/lobby"]);
});

test("with nothing over the page, Back is the room's", async () => {
  const { history, overlays, log } = begin();
  overlays.push("/r/garden");
  history.back();
  await settled();
  assert.deepEqual([log, history.url], [[false], "/r/lobby"]);
});

test("what is closed otherwise leaves no entry behind", async () => {
  const { history, overlays, open, log } = begin();
  open("drawer");
  await settled();
  overlays.closed("drawer");
  await settled();
  assert.deepEqual([log, history.at], [[true], 0]);
});

test("one overlay after the other takes one entry", async () => {
  const { history, overlays, open, log } = begin();
  open("drawer");
  await settled();
  overlays.closed("drawer");
  open("nickname");
  await settled();
  assert.deepEqual([log, history.at], [[], 1]);
  history.back();
  await settled();
  assert.deepEqual([log, history.at], [["close nickname", true], 0]);
});

test("of two that lie over each other, Back closes the upper one first", async () => {
  const { history, open, log } = begin();
  open("drawer");
  open("picker");
  await settled();
  history.back();
  await settled();
  assert.deepEqual([log, history.at], [["close picker", true], 1]);
  history.back();
  await settled();
  assert.deepEqual([log, history.at], [["close picker", true, "close drawer", true], 0]);
});

test("a room chosen in the drawer takes the place of its entry", async () => {
  const { history, overlays, open } = begin();
  open("drawer");
  await settled();
  overlays.push("/r/garden");
  overlays.closed("drawer");
  await settled();
  assert.deepEqual([history.at, history.url, history.state], [1, "/r/garden", null]);
  history.back();
  await settled();
  assert.equal(history.url, "/r/lobby");
});

test("a room chosen while the entry is still on its way out is not lost with it", async () => {
  const { history, overlays, open } = begin();
  open("drawer");
  await settled();
  overlays.closed("drawer");
  await Promise.resolve();
  overlays.push("/r/garden");
  await settled();
  assert.deepEqual([history.at, history.url], [1, "/r/garden"]);
});

test("opened again at once, it has its entry again", async () => {
  const { history, overlays, open, log } = begin();
  open("drawer");
  await settled();
  overlays.closed("drawer");
  await Promise.resolve();
  open("drawer");
  await settled();
  assert.equal(history.at, 1);
  history.back();
  await settled();
  assert.equal(log.includes("close drawer"), true);
});

test("a page that was loaded again under an overlay spends its entry", async () => {
  const history = new FakeHistory();
  history.pushState({ overlay: true }, "");
  history.popped = () => {};
  new Overlays(history);
  await settled();
  assert.equal(history.at, 0);
});

test("what loads another page waits until the last step back is done, also that of another overlay", async () => {
  const { overlays, open, log } = begin();
  open("menu");
  await settled();
  overlays.closed("menu"); // going back for the menu
  open("look");
  overlays.closed("look");
  overlays.whenSettled(() => log.push("loads"));
  await settled();
  await settled();
  assert.deepEqual(log, [true, "loads"]);
  overlays.whenSettled(() => log.push("loads at once"));
  await Promise.resolve();
  assert.equal(log.at(-1), "loads at once");
});
