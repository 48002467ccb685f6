import assert from "node:assert/strict";
import { test } from "node:test";

import { OwnCards, ownLink } from "../../static/js/own-cards.js";

const SITE = "https://chat.example.org/talk";
const link = (url) => [{ link: url, words: [url] }];

/** Cards that are asked for from `answers`, by room and seq. */
function cards(answers = {}, held = {}) {
  const [asked, changed] = [[], []];
  let time = 0;
  const it = new OwnCards({
    site: SITE,
    find: (room, seq) => held[`${room}#${seq}`],
    ignores: (id) => id === "eve",
    ask: async (verb, { room, seq = "" }) => {
      asked.push(`${verb} ${room}#${seq}`);
      const answer = answers[`${room}#${seq}`];
      if (answer === undefined) throw new Error("no connection");
      return answer;
    },
    changed: (...one) => changed.push(one),
    now: () => time,
  });
  return { it, asked, changed, later: (ms) => (time += ms), settled: async () => { for (let n = 0; n < 20; n += 1) await null; } };
}

test("the first link that leads to a room of this site counts, wherever it stands but in quotes and code", () => {
  const found = (...words) => {
    const one = ownLink(words, SITE);
    return one && [one.room, one.seq];
  };
  assert.deepEqual(found("see ", { link: `${SITE}/r/Lobby`, words: ["x"] }), ["lobby", null]);
  assert.deepEqual(found({ strong: [{ link: `${SITE}/r/den#12`, words: ["x"] }] }), ["den", 12]);
  assert.deepEqual(found({ list: [["a"], [{ link: `${SITE}/r/den/`, words: ["x"] }]] }), ["den", null]);
  for (const node of [{ quote: link(`${SITE}/r/den`) }, { codeblock: `${SITE}/r/den`, tokens: ["name", 3] }, { link: `${SITE}/r/den/log`, words: [] }, { link: `${SITE}ing/r/den`, words: [] }, { link: "https://elsewhere.example/r/den", words: [] }]) {
    assert.equal(found(node), null, JSON.stringify(node));
  }
  assert.equal(ownLink(undefined, SITE), null);
});

test("what is held here is shown as it is now, and nothing of what was deleted or is of somebody whom one ignores", () => {
  const held = { "den#1": { author: "bob", nickname: "Bob", text: "**hi**", words: [{ strong: ["hi"] }] }, "den#2": { deleted: true }, "den#3": { author: "eve", text: "x" } };
  const { it, asked } = cards({}, held);
  const shown = (seq) => it.of("lobby", { seq: 9, words: link(`${SITE}/r/den#${seq}`) })?.preview;
  assert.equal(shown(1).text, "hi");
  assert.deepEqual([shown(2), shown(3), asked], [undefined, undefined, []]);
  assert.equal(it.of("lobby", { seq: 9, words: link(`${SITE}/r/den#1`), deleted: true }), null);
});

test("what is elsewhere is asked for once, and again when it is a minute old", async () => {
  const { it, asked, changed, later, settled } = cards({ "den#": { ok: true, card: { room: "den", topic: "tea", people: 2 } }, "attic#7": { ok: false, error: "no_such_room" } });
  const den = { seq: 1, words: link(`${SITE}/r/den`) };
  const attic = { seq: 2, words: link(`${SITE}/r/attic#7`) };
  for (const message of [den, attic, { ...den, seq: 3 }]) assert.equal(it.of("lobby", message), null);
  await settled();
  assert.deepEqual(asked, ["preview den#", "preview attic#7"]);
  assert.deepEqual(changed, [["lobby", 1], ["lobby", 3], ["lobby", 2]]);
  assert.equal(it.of("lobby", den).preview.topic, "tea");
  assert.equal(it.of("lobby", attic), null, "it is not ours to read");
  later(61_000);
  it.of("lobby", den);
  await settled();
  assert.equal(asked.length, 3);
});

test("without an answer it is asked again when it is drawn again", async () => {
  const { it, asked, settled } = cards();
  for (let n = 0; n < 2; n += 1) {
    it.of("lobby", { seq: 1, words: link(`${SITE}/r/den`) });
    await settled();
  }
  assert.equal(asked.length, 2);
});
