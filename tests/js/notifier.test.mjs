import assert from "node:assert/strict";
import { test } from "node:test";

import { Notifier } from "../../static/js/notifier.js";
import { NotifyChoices } from "../../static/js/notify-choices.js";
import { TabTurn } from "../../static/js/tab-turn.js";
import { Unread } from "../../static/js/unread.js";
import { MemoryStorage } from "./memory-storage.mjs";

const me = { is: (id) => id === "ann", ignores: (id) => id === "eve" };

function room(name, more = {}) {
  return { name, epoch: "e", rev: 1, rules: {}, messages: [], placeOf: () => 0, ...more };
}

function said(seq, more = {}) {
  return { seq, author: "bob", nickname: "Bob", kind: "said", text: `text ${seq}`, mentions: ["ann"], ...more };
}

/** A browser with so many tabs, that tells what they tell and lets time pass when the test says so. */
function browser(tabs = 1, storage = new MemoryStorage()) {
  const told = [];
  const waiting = [];
  const wait = () => new Promise((done) => waiting.push(done));
  const choices = new NotifyChoices({ storage });
  const unread = new Unread({ storage, me });
  for (const name of ["den", "attic", "@bob"]) storage.set(`read:${name}`, JSON.stringify({ epoch: "e", seq: 0 }));
  const turn = new TabTurn({ locks: undefined, wait: async () => {} });
  const make = () => new Notifier({ me, choices, unread, storage, wait, inTurn: (act) => turn.run("notify", act), tell: (notice) => told.push(notice) });
  const later = async () => {
    for (const done of waiting.splice(0)) done();
    for (let n = 0; n < 10; n += 1) await null;
  };
  return { told, choices, storage, later, tabs: Array.from({ length: tabs }, make) };
}

test("what calls me is told, with who said it and where", async () => {
  const { told, tabs: [tab], later } = browser();
  tab.arrived(room("den"), said(1));
  await later();
  assert.deepEqual(told, [{ title: "Bob in #den", text: "text 1", room: "den", seq: 1, calls: true, tag: "den:1" }]);
});

test("a damaged row of what was told silences nothing", async () => {
  for (const row of ['{"epoch":"e","seq":9007199254740991}', "{", "null", '{"epoch":"e","seq":"9"}']) {
    const { told, storage, tabs: [tab], later } = browser();
    storage.set("told:den", row);
    tab.arrived(room("den"), said(1));
    await later();
    assert.equal(told.length, 1, row);
  }
});

test("of a room all, mentions or nothing is told; of two people alone everything", async () => {
  const worth = (level, name, more) => {
    const { choices, tabs: [tab] } = browser();
    if (level) choices.setLevel(name, level);
    return tab.isWorth(room(name), said(1, more));
  };
  const plain = { mentions: undefined };
  assert.deepEqual([worth("all", "den", plain), worth("all", "den"), worth("none", "den"), worth(null, "den", plain), worth(null, "den")], [true, true, false, false, true]);
  assert.deepEqual([worth(null, "@bob", plain), worth("none", "@bob", plain), worth("mentions", "@bob", plain)], [true, false, false]);
  for (const more of [{ author: "ann" }, { author: "eve" }, { deleted: true }]) assert.equal(worth("all", "den", more), false);
});

test("what was chosen here and not confirmed yet outlives what the server knew before, and a reload", () => {
  const { choices, storage } = browser();
  choices.choose("den", "none");
  choices.choose("attic", "all");
  choices.learn({ den: "mentions", attic: "mentions", cellar: "all" });
  const reloaded = new NotifyChoices({ storage });
  assert.deepEqual(["den", "attic", "cellar"].map((name) => reloaded.level({ name })), ["none", "all", "all"]);
  assert.deepEqual(reloaded.untold, ["den", "attic"]);
  reloaded.choose("den", "all");
  reloaded.confirm("den", "none"); // the answer to the choice before
  reloaded.confirm("attic", "all");
  assert.deepEqual(reloaded.untold, ["den"]);
  reloaded.confirm("den", "all");
  reloaded.learn({ den: "mentions" }); // on another device, since then
  assert.equal(reloaded.level({ name: "den" }), "mentions");
  storage.set("notify-untold", '{"no": "list"}');
  assert.deepEqual(reloaded.untold, []);
});

test("one of several tabs tells, and none where one of them was read", async () => {
  const { told, tabs, storage, later } = browser(3);
  const den = room("den");
  for (const tab of tabs) tab.arrived(den, said(1));
  await later();
  assert.equal(told.length, 1);
  for (const tab of tabs) tab.arrived(den, said(2));
  storage.set("read:den", JSON.stringify({ epoch: "e", seq: 2 }));
  await later();
  assert.equal(told.length, 1);
});

test("of another history everything is new", async () => {
  const { told, tabs: [tab], storage, later } = browser();
  tab.arrived(room("den"), said(5));
  await later();
  storage.set("read:den", JSON.stringify({ epoch: "f", seq: 0 }));
  tab.arrived(room("den", { epoch: "f" }), said(1));
  await later();
  assert.equal(told.length, 2);
});

test("what came while one was away is told in one sentence", async () => {
  const { told, choices, tabs: [tab], later } = browser();
  choices.setLevel("attic", "all");
  tab.disconnected();
  tab.arrived(room("den"), said(1));
  tab.arrived(room("attic"), said(1, { mentions: undefined }));
  tab.arrived(room("attic"), said(2));
  await later();
  tab.arrived(room("attic"), said(3, { mentions: undefined }));
  tab.arrived(room("attic"), said(4, { mentions: undefined, kind: "action", text: "waves" }));
  await later();
  assert.deepEqual(told.map(({ title }) => title), ["3 new messages in 2 rooms, 2 mention you", "2 new messages in #attic"]);
  assert.equal(told[1].text, "Bob: * Bob waves");
});

test("quiet hours of a damaged row are none", () => {
  for (const row of ['{"from":["22:00"],"to":"07:00","isOn":true}', '{"from":"22:00","to":{"a":1}}', '{"from":2200,"to":700}', "[]", '{"from":"24:00","to":"07:00"}']) {
    const choices = new NotifyChoices({ storage: new MemoryStorage([["notify-quiet", row]]) });
    assert.deepEqual(choices.quiet, { isOn: false, from: "22:00", to: "07:00" }, row);
  }
});

test("quiet hours may go over midnight", () => {
  const { choices } = browser();
  const at = (time) => choices.isQuiet(new Date(`2026-11-28T${time}:00`));
  assert.equal(at("23:00"), false, "off at first");
  choices.setQuiet({ isOn: true, from: "22:00", to: "07:00" });
  assert.deepEqual(["21:59", "22:00", "23:59", "00:00", "06:59", "07:00", "12:00"].map(at), [false, true, true, true, true, false, false]);
  choices.setQuiet({ isOn: true, from: "09:00", to: "17:30" });
  assert.deepEqual(["08:59", "09:00", "17:29", "17:30"].map(at), [false, true, true, false]);
  for (const wrong of [{ isOn: true, from: "", to: "07:00" }, { isOn: true, from: "25:00", to: "07:00" }]) choices.setQuiet(wrong);
  assert.equal(choices.quiet.from, "09:00");
});

test("a damaged row of the storage counts as none", () => {
  const rows = [["notify:den", "loud"], ["notify-quiet", "{"], ["told:den", "7"]];
  const { choices, tabs: [tab] } = browser(1, new MemoryStorage(rows));
  assert.equal(choices.level(room("den")), "mentions");
  assert.equal(choices.isQuiet(), false);
  assert.equal(tab.isFirst({ room: room("den"), message: said(1) }), true);
});

test("with web locks, tabs take turns by them", async () => {
  const names = [];
  const locks = { request: async (name, act) => (names.push(name), act()) };
  assert.equal(await new TabTurn({ locks }).run("notify", () => 7), 7);
  assert.deepEqual(names, ["parlor:notify"]);
});

test("what calls me since it was edited is told once, though it was read, unless somebody looks at it", async () => {
  const { told, tabs, storage, later } = browser(2);
  const den = room("den");
  storage.set("read:den", JSON.stringify({ epoch: "e", seq: 5 }));
  const edited = said(3, { rev: 9, edited: "2026-11-28T09:00:00Z" });
  for (const tab of tabs) tab.arrived(den, edited, true);
  await later();
  assert.deepEqual(told.map(({ title, seq }) => [title, seq]), [["Bob in #den", 3]]);
  tabs[0].isLooking = () => true;
  tabs[0].arrived(den, { ...edited, rev: 12 }, true);
  await later();
  assert.equal(told.length, 1);
});
