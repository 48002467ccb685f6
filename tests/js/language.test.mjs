import assert from "node:assert/strict";
import { test } from "node:test";

import { dateFormat, listed, localeOf, number, parts, t, tn } from "../../static/js/language.js";

/** The module as it runs in a page of this language. */
async function inLanguage(lang, words, { dir = "ltr", forms = ["one", "other"] } = {}) {
  globalThis.document = { documentElement: { lang, dir } };
  globalThis.parlorLanguage = { words, forms };
  const module = await import(`../../static/js/language.js?${lang}-${Math.random()}`);
  delete globalThis.document;
  return module;
}

test("without a catalogue a sentence is as it stands in the code", () => {
  assert.equal(t("{who} has come to {room}", { who: "Ann", room: "#den" }), "Ann has come to #den");
  assert.equal(t("{who}"), "{who}", "a value that is missing is seen");
  assert.deepEqual([1, 2, 0].map((n) => tn("{n} file", "{n} files of {who}", n, { who: "Bob" })), ["1 file", "2 files of Bob", "0 files of Bob"]);
  assert.deepEqual([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed), ["", "a", "a and b", "a, b and c"]);
  assert.equal(number(12_345.67), "12,345.7");
});

test("with one it is the reader's, values are put into their places", async () => {
  const german = await inLanguage("de", { "{a} of {b}": "von {b}: {a}", "{n} file": ["{n} Datei", "{n} Dateien"] });
  assert.equal(german.t("{a} of {b}", { a: "{b}", b: "x" }), "von x: {b}", "what a value says is no placeholder");
  assert.deepEqual([1, 5, 1_000].map((n) => german.tn("{n} file", "{n} files", n)), ["1 Datei", "5 Dateien", "1.000 Dateien"]);
  assert.equal(german.t("Nobody translated this"), "Nobody translated this");
  assert.equal(german.listed(["a", "b", "c"]), "a, b und c");
  assert.equal(german.dateFormat({ weekday: "long" }).format(new Date(2026, 10, 28)), "Samstag");
});

test("each plural form of a language is for its own numbers", async () => {
  const arabic = await inLanguage("ar", { "{n} file": ["zero", "one", "two", "few {n}", "many {n}", "other {n}"], "{who} joined": "{who} +" }, { dir: "rtl", forms: ["zero", "one", "two", "few", "many", "other"] });
  assert.equal(arabic.t("{who} joined", { who: "Ann" }), "\u2068Ann\u2069 +", "a name keeps its direction");
  assert.equal(arabic.t("{who} joined", { who: "\u2068Ann\u2069" }), "\u2068Ann\u2069 +");
  assert.equal(arabic.t("Join #{room}, {n}", { room: "den", n: 3 }), "Join \u2068#den\u2069, 3", "and a room its sign");
  assert.deepEqual(arabic.parts("{who} in {room}", { who: 1, room: "#den" }), [1, " in ", "\u2068#den\u2069"], "beside elements as well");
  const told = [0, 1, 2, 3, 11, 100, 1_002].map((n) => arabic.tn("{n} file", "{n} files", n).replace(/[\u2068\u2069]/g, ""));
  assert.deepEqual(told, ["zero", "one", "two", "few 3", "many 11", "other 100", "other 1,002"]);
  const french = await inLanguage("fr", { "{n} file": ["{n} fichier", "{n} fichiers"] });
  assert.deepEqual([0, 1, 2, 1e6].map((n) => french.tn("{n} file", "{n} files", n).replace(/^[\d\s]+/u, "")), ["fichier", "fichier", "fichiers", "fichiers"]);
});

test("elements stand where their language wants them", async () => {
  const link = { a: "node" };
  assert.deepEqual(parts("Write to {who}, or {not}.", { who: link }), ["Write to ", link, ", or ", "{not}", "."]);
  const german = await inLanguage("de", { "Write to {who}": "{who} schreiben" });
  assert.deepEqual(german.parts("Write to {who}", { who: link }), [link, " schreiben"]);
});

test("a damaged catalogue and an unknown language are English", async () => {
  for (const words of [null, 7, { Send: 7, "{n} file": [] }, { Send: [null], "{n} file": { one: 1 } }, []]) {
    const broken = await inLanguage("de", words);
    assert.deepEqual([broken.t("Send"), broken.t("constructor"), broken.tn("{n} file", "{n} files", 2)], ["Send", "constructor", "2 files"]);
  }
  for (const forms of [null, 7, [], ["few"]]) assert.equal((await inLanguage("de", { "{n} file": ["a", "b"] }, { forms })).tn("{n} file", "{n} files", 1), "b");
  for (const lang of ["not a language", "", "x-unknown", "qqq"]) assert.equal((await inLanguage(lang, {})).number(1_000), "1,000");
  delete globalThis.parlorLanguage;
});

test("dates are those of the reader's region, where that speaks the document's language", () => {
  const ends = "-u-ca-gregory-nu-latn";
  assert.equal(localeOf("de", ["en-US", "de-AT", "de"]), `de-AT${ends}`);
  assert.equal(localeOf("en", ["de-DE"]), `en${ends}`);
  assert.equal(localeOf("ar", ["ar-SA", "not a tag"]), `ar-SA${ends}`);
  assert.match(dateFormat({ dateStyle: "medium" }).format(new Date(2026, 10, 28)), /Nov/);
});
