// The page's modules with a catalogue: Arabic, which has all the plural forms there are, and is written from the right.

import assert from "node:assert/strict";
import { test } from "node:test";

import { plain } from "../../static/js/isolate.js";

globalThis.document = { documentElement: { lang: "ar", dir: "rtl" } };
globalThis.parlorLanguage = {
  forms: ["zero", "one", "two", "few", "many", "other"],
  words: {
    "{names} joined": ["0", "انضم {names}", "انضم {names} (2)", "انضم {names} (3+)", "انضم {names} (11+)", "انضم {names} (100)"],
    "{before} is now {now}": "{now}: {before}",
    ", ": "، ",
    "{first}, {second} and {n} other": ["0", "{first}، {second} +1", "{first}، {second} +2", "{first}، {second} +{n}", "m", "o"],
    "{who} banned {whom}": "حظر {who} {whom}",
    "Slow mode: one message every {span}. The next one in {time}.": "كل {span}، بعد {time}",
    "{n} s": "{n} ث",
    "Messages here are kept for {time}.": "تحفظ {time}.",
    "a day": ["0", "يومًا", "يومين", "{n} أيام", "{n} يومًا", "{n} يوم"],
    "change your nickname": "غيّر لقبك",
    "This message was deleted": "حُذفت",
  },
};
const { namesOf, Presence } = await import("../../static/js/presence.js");
const { auditLine } = await import("../../static/js/audit-text.js");
const { silencedBy, silenceSentence } = await import("../../static/js/standing.js");
const { retentionSentence } = await import("../../static/js/retention-text.js");
const { COMMANDS, helpFor } = await import("../../static/js/commands.js");
const { isolate } = await import("../../static/js/isolate.js");

test("who came is told by the form of their number, in the language's own list", () => {
  const presence = new Presence({ wait: () => new Promise(() => {}), now: () => 0, changed: () => {} });
  presence.reset([{ id: "c", nickname: "Cid" }], 1);
  presence.update({ joined: [{ id: "a", nickname: "Ann" }] });
  assert.equal(plain(presence.newsWith(isolate)), "انضم Ann");
  presence.update({ joined: [{ id: "b", nickname: "Bob" }, { id: "c", nickname: "Dan" }] });
  assert.equal(plain(presence.newsWith(isolate)), "انضم Ann وBob (2)، Dan: Cid");
  assert.deepEqual(["abc", "abcd", "abcde"].map((names) => plain(namesOf(names))), ["a وb وc", "a، b +2", "a، b +3"]);
});

test("whole sentences are translated, with each name in its own direction", () => {
  assert.equal(auditLine({ what: "ban", who: "Mira", whom: "Eve" }).text, "حظر \u2068Mira\u2069 \u2068Eve\u2069");
  const silence = silencedBy({ slow: 30 }, 1_000, 13_000);
  assert.equal(plain(silenceSentence(silence, 13_000)), "كل 30\u00a0ث، بعد 0:18");
  assert.deepEqual([1, 2, 7, 30, 100].map((days) => plain(retentionSentence({ days }))), ["تحفظ يومًا.", "تحفظ يومين.", "تحفظ 7 أيام.", "تحفظ 30 يومًا.", "تحفظ 100 يوم."]);
});

test("commands keep their names, and what has no translation is English", () => {
  assert.equal(COMMANDS.find(({ name }) => name === "nick").help, "غيّر لقبك");
  assert.match(plain(helpFor(null)), /^\/nick NAME: غيّر لقبك$/m);
  assert.match(plain(helpFor(null)), /^\/leave: leave this room$/m);
});
