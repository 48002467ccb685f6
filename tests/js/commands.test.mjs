import assert from "node:assert/strict";
import { test } from "node:test";

import { commandIn } from "../../static/js/command-in.js";
import { COMMANDS, helpFor, lengthIn, personIn } from "../../static/js/commands.js";
import { RoomCommands } from "../../static/js/room-commands.js";

const people = ["Ann", "Ann Marie", "bob", "Swan of Avon", "李娜"].map((nickname, at) => ({ id: `p${at}`, nickname }));
const found = (text) => {
  const hit = personIn(text, people);
  return hit && [hit.person.nickname, hit.rest];
};

test("a command names a person as they are called, the longest name first", () => {
  assert.deepEqual(found("ann 10 spam"), ["Ann", "10 spam"]);
  assert.deepEqual(found("Ann Marie spam"), ["Ann Marie", "spam"]);
  assert.deepEqual(found("@swan OF avon 2h"), ["Swan of Avon", "2h"]);
  assert.deepEqual(found("李娜"), ["李娜", ""]);
  assert.deepEqual([found("anna"), found("bobby 10"), found(""), found("nobody")], [null, null, null, null]);
});

test("a length is minutes unless it says otherwise, and without one it is for good", () => {
  assert.deepEqual(lengthIn("10 spam"), { minutes: 10, reason: "spam" });
  assert.deepEqual(lengthIn("2h"), { minutes: 120, reason: "" });
  assert.deepEqual(lengthIn("1 d be kind"), { minutes: 1440, reason: "be kind" });
  assert.deepEqual(lengthIn("5min"), { minutes: 5, reason: "" });
  for (const [text, minutes] of [["30s", 0.5], ["90 sec", 1.5], ["10 Min.", 10], ["2 hours", 120], ["1,5 h", 90], ["1 day", 1_440], ["2 Tage", 2_880], ["1w", 10_080], ["3 semaines", 30_240], ["١٠", 10], ["۲ ساعات", 120], ["３０", 30]]) {
    assert.deepEqual(lengthIn(`${text} spam 2`), { minutes, reason: "spam 2" }, text);
    assert.deepEqual(lengthIn(text), { minutes, reason: "" }, text);
  }
  assert.deepEqual(lengthIn("١٠ سبب ٢"), { minutes: 10, reason: "سبب ٢" });
  assert.deepEqual(lengthIn("10 weekly spam"), { minutes: 10, reason: "weekly spam" });
  for (const text of ["spam 10", "10x", "0", "", "-5 x"]) assert.equal("minutes" in lengthIn(text), false, text);
});

test("help shows what one's role can do", () => {
  assert.doesNotMatch(helpFor(null), /\/ban|\/slow/);
  assert.match(helpFor("moderator"), /\/ban/);
  assert.doesNotMatch(helpFor("moderator"), /\/slow/);
  assert.match(helpFor("owner"), /\/slow 30: one message every 30 seconds/);
  for (const { name } of COMMANDS.filter(({ name }) => name !== "me")) assert.deepEqual(commandIn(`/${name} x`), { name, rest: "x" });
});

function commands() {
  const asked = [];
  const note = (name) => (...args) => (asked.push([name, ...args]), Promise.resolve(""));
  const moderating = Object.fromEntries(["ignore", "report", "kick", "mute", "ban", "lift", "appoint"].map((name) => [name, note(name)]));
  const presence = { people: new Map([["b", { id: "b", nickname: "Bob" }]]), roles: new Map() };
  const messages = [{ seq: 1, author: "g", nickname: "Gone" }, { seq: 2, author: "b", nickname: "Bob" }, { seq: 3, author: "b", nickname: "Bob", deleted: true }];
  const me = { is: (id) => id === "me", ignored: { ids: new Set(["b", "x"]) }, ignores: (id) => id === "b" || id === "x" };
  const sanctions = async () => ({ ok: true, sanctions: [{ kind: "ban", person: "z", nickname: "Zed" }, { kind: "mute", person: "b", nickname: "Bob" }] });
  const table = new RoomCommands({ room: () => ({ name: "den", presence, messages }), me, moderating, settings: note("settings"), sanctions, dialogs: {}, claim: note("claim"), newRoom: note("new") }).table;
  return { table, asked };
}

test("commands reach those who are here and those who spoke lately", async () => {
  const { table, asked } = commands();
  await table.mute("bob 10 spam");
  await table.kick("gone");
  await table.report("Bob it is spam");
  assert.deepEqual(asked.map(([verb, room, one, choice]) => [verb, room, one.id ?? one.seq, choice]), [
    ["mute", "den", "b", { minutes: 10, reason: "spam" }],
    ["kick", "den", "g", { reason: "" }],
    ["report", "den", 2, "it is spam"],
  ]);
});

test("a ban is lifted of somebody who is not here", async () => {
  const { table, asked } = commands();
  await table.unban("zed");
  assert.deepEqual(asked, [["lift", "ban", "den", { id: "z", nickname: "Zed" }]]);
  assert.match(await table.unban("Bob"), /Nobody called .* is banned here/);
});

test("a command that is incomplete says what it takes", async () => {
  const { table, asked } = commands();
  assert.match(table.ban(""), /For example: \/ban Ann/);
  assert.match(table.ban("Zed"), /Nobody called/);
  assert.match(table.slow("fast"), /How many seconds/);
  assert.match(table.list("maybe"), /\/list on/);
  assert.equal(table.ignore(""), "You ignore \u2068Bob\u2069, 1 who is not here.");
  assert.deepEqual(asked, []);
  await table.slow("30");
  for (const text of ["30s", "30 S", "٣٠"]) await table.slow(text);
  await table.list("off");
  await table.passphrase("");
  assert.deepEqual(asked, [...Array(4).fill(["settings", { slow: 30 }]), ["settings", { listed: false }], ["settings", { passphrase: null }]]);
});
