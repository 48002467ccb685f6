import assert from "node:assert/strict";
import { test } from "node:test";

import { auditLine } from "../../static/js/audit-text.js";
import { plain } from "../../static/js/isolate.js";
import { Moderating } from "../../static/js/moderating.js";

const bob = { id: "b", nickname: "Bob" };

function moderating(answer = { ok: true }) {
  const asked = [];
  const done = [];
  const stored = [];
  const ignored = [];
  const it = new Moderating({
    ask: async (verb, payload) => {
      asked.push([verb, payload]);
      if (answer === null) throw new Error("no connection");
      return { message: { seq: payload.seq }, ignored: payload.on ? [payload.person] : [], ...answer };
    },
    done: (sentence, undo) => done.push([plain(sentence), undo]),
    stored: (...one) => stored.push(one),
    ignored: (ids) => ignored.push(ids),
  });
  return { it, asked, done, stored, ignored };
}

test("what hits somebody else can be undone, each by its own verb", async () => {
  const { it, asked, done } = moderating();
  await it.kick("den", bob, { reason: "x" });
  await it.mute("den", bob, { minutes: 10 });
  await it.ban("den", bob, { address: false });
  await it.appoint("den", { ...bob, role: "moderator" }, null);
  await it.delete("den", { seq: 7, nickname: "Bob" });
  assert.deepEqual(done.map(([sentence]) => sentence), [
    "Bob was removed.",
    "Bob is muted for 10\u00a0min.",
    "Bob is banned.",
    "Bob has no role in this room any more.",
    "The message of Bob is deleted.",
  ]);
  assert.deepEqual(asked.splice(0), [
    ["kick", { room: "den", person: "b", reason: "x" }],
    ["mute", { room: "den", person: "b", minutes: 10 }],
    ["ban", { room: "den", person: "b", address: false }],
    ["appoint", { room: "den", person: "b", role: null }],
    ["delete", { room: "den", seq: 7 }],
  ]);
  for (const [, undo] of done) assert.equal(await undo(), "");
  assert.deepEqual(asked, [
    ["ban", { room: "den", person: "b", minutes: 0 }],
    ["mute", { room: "den", person: "b", minutes: 0 }],
    ["ban", { room: "den", person: "b", minutes: 0 }],
    ["appoint", { room: "den", person: "b", role: "moderator" }],
    ["restore", { room: "den", seq: 7 }],
  ]);
});

test("a deleted message, and one that is put back, are drawn at once", async () => {
  const { it, done, stored } = moderating();
  await it.delete("den", { seq: 7, nickname: "Bob" });
  await done[0][1]();
  assert.deepEqual(stored, [["den", { seq: 7 }], ["den", { seq: 7 }]]);
});

test("what was refused, or never arrived, is said and cannot be undone", async () => {
  for (const [answer, sentence] of [[{ ok: false, error: "not_allowed", text: "No." }, /^No\.$/], [null, /no connection/]]) {
    const { it, done, ignored } = moderating(answer);
    for (const refusal of [await it.kick("den", bob), await it.delete("den", { seq: 1 }), await it.ignore(bob), await it.report("den", { seq: 1 }, "")]) {
      assert.match(refusal, sentence);
    }
    assert.deepEqual([done, ignored], [[], []]);
  }
});

test("ignoring can be undone, and undoing it says nothing", async () => {
  const { it, done, ignored } = moderating();
  await it.ignore(bob);
  await done[0][1]();
  assert.deepEqual(ignored, [["b"], []]);
  assert.equal(done.length, 1);
});

test("the audit is told in words, also what a newer server does", () => {
  const said = (entry) => {
    const { text, reason } = auditLine({ who: "Mira", ...entry });
    return plain(`${text}${reason ? ` (${reason})` : ""}`);
  };
  assert.equal(said({ what: "ban", whom: "Eve", reason: "spam" }), "Mira banned Eve (spam)");
  assert.equal(said({ what: "appoint", whom: "Eve", reason: "moderator" }), "Mira made Eve a moderator");
  assert.equal(said({ what: "appoint", whom: "Eve", reason: "owner: those before have been away" }), "Mira made Eve owner (those before have been away)");
  assert.equal(said({ what: "settings", reason: "slow, topic_by" }), "Mira changed slow mode, who may change the topic");
  assert.equal(said({ what: "knight_hood", whom: "Eve", reason: "x" }), "Mira knight hood: Eve (x)");
  assert.equal(said({ what: "toString" }), "Mira toString");
});
