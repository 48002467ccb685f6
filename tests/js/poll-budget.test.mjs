import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_HELD, openChannel, PollBudget } from "../../static/js/poll-budget.js";

/** One browser: its channel, which tells all tabs but the one that speaks, and its clock. */
class Browser {
  tabs = [];
  time = 1_000;

  open(id, { visible = true, polls = true } = {}) {
    const channel = { postMessage: (told) => this.tell(channel, told) };
    const tab = { channel, changes: 0 };
    const changed = () => (tab.changes += 1);
    tab.budget = new PollBudget({ channel, id, visible, now: () => this.time, changed });
    this.tabs.push(tab);
    this.time += 1;
    if (polls) tab.budget.join();
    return tab;
  }

  tell(from, told) {
    for (const { channel } of this.tabs) if (channel !== from) channel.onmessage({ data: structuredClone(told) });
  }

  crash(tab) {
    this.tabs.splice(this.tabs.indexOf(tab), 1);
  }

  later(ms) {
    for (const end = this.time + ms; this.time < end; this.time += 10_000) for (const { budget } of this.tabs) budget.touch();
  }

  get holders() {
    return this.tabs.filter(({ budget }) => budget.mayHold).map(({ budget }) => budget.id);
  }
}

test("however many tabs poll, only so many hold their poll, the newest first", () => {
  const browser = new Browser();
  const opened = ["a", "b", "c", "d", "e", "f"].map((id) => browser.open(id));
  assert.equal(MAX_HELD, 3);
  assert.deepEqual(browser.holders, ["d", "e", "f"]);
  assert.equal(opened[0].changes, 1, "the first one was told once that it may no more");
  assert.equal(opened[5].changes, 0);
});

test("a tab that does not poll takes no place and gives its own back", () => {
  const browser = new Browser();
  browser.open("websocket", { polls: false });
  const [a] = ["a", "b", "c", "d"].map((id) => browser.open(id));
  assert.deepEqual(browser.holders, ["b", "c", "d"]);
  browser.tabs.at(-1).budget.leave();
  assert.deepEqual(browser.holders, ["a", "b", "c"]);
  assert.equal(a.changes, 2, "it may no more, and may again");
});

test("the tab one looks at comes before those one does not see", () => {
  const browser = new Browser();
  for (const id of ["a", "b", "c", "d"]) browser.open(id, { visible: false });
  const [a, , , d] = browser.tabs;
  a.budget.show(true);
  assert.deepEqual(browser.holders, ["a", "c", "d"]);
  browser.time += 1;
  a.budget.show(false);
  d.budget.show(true);
  assert.deepEqual(browser.holders, ["a", "c", "d"], "and the one looked at before still comes before the others");
});

test("the place of a tab that crashed goes to another, that of one that lives does not", () => {
  const browser = new Browser();
  for (const id of ["a", "b", "c", "d"]) browser.open(id);
  browser.later(600_000);
  assert.deepEqual(browser.holders, ["b", "c", "d"]);
  browser.crash(browser.tabs.at(-1));
  assert.deepEqual(browser.holders, ["b", "c"]);
  browser.later(200_000);
  assert.deepEqual(browser.holders, ["a", "b", "c"]);
});

test("after a sleep nobody takes itself for the only one, whoever wakes first", () => {
  const browser = new Browser();
  for (const id of ["a", "b", "c", "d", "e"]) browser.open(id);
  browser.time += 3_600_000;
  for (const { budget } of browser.tabs) {
    budget.touch();
    browser.time += 500;
    budget.touch();
    assert.deepEqual(browser.holders, ["c", "d", "e"]);
  }
});

test("tabs that opened in the same moment agree", () => {
  const browser = new Browser();
  for (const id of ["b", "d", "a", "c"]) browser.open(id).budget.own.since = 7;
  for (const { budget } of browser.tabs) budget.announce();
  assert.deepEqual(browser.holders.sort(), ["a", "b", "c"]);
});

test("where tabs cannot speak to each other no poll is held, where requests share a connection every one is", () => {
  const alone = new PollBudget({ channel: null, id: "a", visible: true });
  alone.join();
  alone.show(false);
  alone.touch();
  alone.leave();
  assert.equal(alone.mayHold, false);
  const shared = new PollBudget({ channel: null, id: "a", visible: true, unlimited: true });
  assert.equal(shared.mayHold, true);
});

test("what is no word of a tab of ours is passed over", () => {
  const browser = new Browser();
  const { budget, channel } = browser.open("a");
  for (const data of [null, undefined, "gone", 7, {}, { id: 7 }]) channel.onmessage({ data });
  assert.equal(budget.mayHold, true);
});

test("a browser without channels, or that forbids them, has none", (t) => {
  const { BroadcastChannel } = globalThis;
  t.after(() => (globalThis.BroadcastChannel = BroadcastChannel));
  globalThis.BroadcastChannel = undefined;
  assert.equal(openChannel(), null);
  globalThis.BroadcastChannel = class {
    constructor() {
      throw new Error("not here");
    }
  };
  assert.equal(openChannel(), null);
});
