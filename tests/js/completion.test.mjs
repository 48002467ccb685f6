import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { queryAt, ranked } from "../../static/js/completion-query.js";
import { commandNames, emojiNames, people, roomNames } from "../../static/js/completion-sources.js";
import { Emoji } from "../../static/js/emoji-data.js";
import { MemoryStorage } from "./memory-storage.mjs";

const at = (text) => {
  const found = queryAt(text, text.length);
  return found && `${found.trigger}${found.query}`;
};
const files = ["compact", "emojibase", "github"].map((name) => JSON.parse(readFileSync(new URL(`../../static/vendor/emojibase-data/${name}.json`, import.meta.url))));
const emojiOf = (storage = new MemoryStorage()) => new Emoji(storage, ...files);

test("a person, a room, an emoji, a command is completed where it begins", () => {
  for (const text of ["@", "@an", "hi @Ann Le", "(@an", "你好@小", "#", "see #gar", "#a-b_c", "@Ann, #a", ":sm", "hi :+1", "و :قلب", ":Grü", "/", "/to", "  /to"]) {
    assert.equal(at(text), text.replace(/^.*(?=[@#/:])/u, ""), text);
  }
});

test("what only looks like one is not", () => {
  const texts = ["a@b", "@ x", "@a  b", "@a\nb", "#1", "a#b", "#a b", ":", ":D", "10:30", "a:smile", "std::map", "::ab", "http://example", "x /to", "/to x", "/etc/hosts", "", ":smile: x"];
  assert.deepEqual(texts.filter((text) => at(text)), []);
});

test("only what is before the caret counts", () => {
  assert.deepEqual(queryAt("hi @ann lee", 6), { trigger: "@", start: 3, query: "an" });
});

test("who is called so comes before whose other name begins so; capitals and accents count for nothing", () => {
  const names = ["Joanna", "Mary Ann", "ann", "Änne", "Bob"];
  assert.deepEqual(ranked(names, "An", (name) => [name]), ["ann", "Änne", "Mary Ann"]);
  assert.deepEqual(ranked(names, "ann", (name) => [name])[0], "ann");
});

const me = { is: (id) => id === "me" };
const room = (more) => ({
  name: "lobby",
  presence: { people: new Map([["me", { id: "me", nickname: "Me" }], ["1", { id: "1", nickname: "Ann" }]]), count: 2 },
  messages: [{ author: "2", nickname: "Andy" }, { author: "1", nickname: "Old Ann" }, { author: "3", nickname: "Anton", deleted: true }],
  rules: { role: null },
  ...more,
});
const labels = async (source, query) => (await source.find(query)).map(({ label }) => label);

test("people who are here come before those who have spoken, and nobody completes themselves", async () => {
  const source = people({ room, me, ask: () => assert.fail(), wait: () => null });
  assert.deepEqual(await labels(source, "an"), ["Ann", "Andy"]);
  assert.deepEqual(await labels(source, "me"), []);
  assert.deepEqual((await source.find("ann"))[0].text, "@Ann ");
});

test("everybody is called by moderators alone", async () => {
  const source = (role) => people({ room: () => room({ rules: { role } }), me, ask: null, wait: null });
  assert.deepEqual(await labels(source(null), "every"), []);
  assert.deepEqual(await labels(source("moderator"), "every"), ["everyone"]);
});

test("of a large room the server is asked, and no more once nobody's name begins so", async () => {
  const asked = [];
  const ask = async (verb, payload) => {
    asked.push([verb, payload.after]);
    return { ok: true, people: payload.after === "zo" ? [{ id: "9", nickname: "Zoe" }] : [{ id: "10", nickname: "Zz" }] };
  };
  const large = room({ presence: { people: new Map(), count: 900 } });
  const source = people({ room: () => large, me, ask, wait: async () => null });
  assert.deepEqual(await labels(source, "zo"), ["Zoe"]);
  assert.deepEqual(await labels(source, "zox"), []);
  assert.deepEqual(await labels(source, "zoxy"), []);
  assert.deepEqual(asked, [["people", "zo"], ["people", "zox"]]);
});

test("rooms are those of the directory and those that are open; the directory is asked for now and then", async () => {
  let [asked, now] = [0, 0];
  const ask = async () => ({ ok: true, rooms: [{ name: "garden", topic: "roses", at: ++asked }, { name: "@1" }] });
  const source = roomNames({ open: () => [{ name: "garage" }, { name: "den" }], ask, now: () => now });
  assert.deepEqual(await source.find("ga"), [
    { text: "#garden ", label: "#garden", detail: "roses" },
    { text: "#garage ", label: "#garage", detail: undefined },
  ]);
  await source.find("gar");
  assert.equal(asked, 1);
  now += 31_000;
  await source.find("gar");
  assert.equal(asked, 2);
});

test("commands are those of one's role", async () => {
  assert.deepEqual(await labels(commandNames({ role: () => null }), "k"), []);
  assert.deepEqual(await commandNames({ role: () => "moderator" }).find("ki"), [{ text: "/kick ", label: "/kick NAME WHY", detail: "remove somebody from the room" }]);
});

test("an emoji is found by its name, its label and what it is for, in one's skin tone", async () => {
  const storage = new MemoryStorage();
  const emoji = emojiOf(storage);
  const found = (query) => emoji.search(query, 5).map((one) => one.emoji);
  assert.equal(found("tada")[0], "🎉");
  assert.equal(found("+1")[0], "👍");
  assert.equal(found("red heart")[0], "❤️");
  assert.ok(found("hello").includes("👋"));
  assert.deepEqual(found("no such thing"), []);
  const source = emojiNames({ load: async () => emoji });
  assert.deepEqual((await source.find("wav"))[0], { text: "👋 ", label: ":wave:", detail: "waving hand", picture: "👋" });
  emoji.tone = 3;
  assert.equal((await source.find("wav"))[0].text, "👋🏽 ");
  assert.equal(emojiOf(storage).tone, 3);
});

test("in another language an emoji is called and found as there, and in English as well; a flag by its country", async () => {
  const inLanguage = (language) => {
    const emoji = emojiOf();
    const own = JSON.parse(readFileSync(new URL(`../../static/vendor/cldr-annotations-full/${language}.json`, import.meta.url)));
    emoji.translate(own, new Intl.DisplayNames([language], { type: "region" }));
    return { emoji, first: (query) => emoji.search(query, 1)[0]?.emoji };
  };
  const german = inLanguage("de");
  for (const query of ["Daumen hoch", "daumen_h", "thumbs up", "+1"]) assert.equal(german.first(query), "👍", query);
  assert.deepEqual(["rotes herz", "Konfettibombe", "Österreich", "osterr", "mann, frau, madchen"].map(german.first), ["❤️", "🎉", "🇦🇹", "🇦🇹", "👨‍👩‍👧"]);
  assert.deepEqual((await emojiNames({ load: async () => german.emoji }).find("daumen_h"))[0], { text: "👍 ", label: ":+1:", detail: "Daumen hoch", picture: "👍" });
  const arabic = inLanguage("ar");
  assert.deepEqual(["قلب أحمر", "red heart", "مصر"].map(arabic.first), ["❤️", "❤️", "🇪🇬"]);
  for (const language of ["de", "es", "fr", "ar"]) {
    const english = inLanguage(language).emoji.all.filter(({ own }) => !own).map(({ group }) => group);
    assert.ok(english.length <= 4, `${language}: ${english.length} are called in English alone`);
  }
});

test("those chosen last are remembered, the newest first, and rubbish in the storage is not", () => {
  const storage = new MemoryStorage();
  const emoji = emojiOf(storage);
  for (const one of ["🎉", "👍🏽", "🎉"]) emoji.use(one);
  assert.deepEqual(emojiOf(storage).recent, ["🎉", "👍🏽"]);
  for (const rubbish of ["", "{", "{}", '["<b>", 3, "🎉"]']) {
    storage.set("emoji-recent", rubbish);
    storage.set("emoji-tone", rubbish);
    assert.deepEqual(emojiOf(storage).recent, rubbish.includes("🎉") ? ["🎉"] : []);
    assert.equal(emojiOf(storage).tone, 0);
  }
});

test("every emoji has a name, a group and no needless variation selector", () => {
  const { all, groups } = emojiOf();
  assert.ok(all.length > 1_800);
  assert.equal(groups.length, 9);
  assert.equal(new Set(all.map((one) => one.emoji)).size, all.length);
  assert.deepEqual(all.filter(({ emoji }) => /\p{Emoji_Presentation}\ufe0f/u.test(emoji)), []);
});
