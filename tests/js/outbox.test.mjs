import assert from "node:assert/strict";
import { test } from "node:test";

import { newId, Outbox } from "../../static/js/outbox.js";
import { Clock, dice, settled } from "./log.mjs";
import { MemoryStorage } from "./memory-storage.mjs";

/** A tab with an outbox; what it asks waits in `asked` until the test answers it. */
function tab({ storage = new MemoryStorage(), clock = Object.assign(new Clock(), { time: 1_000_000 }), name = "tab-1" } = {}) {
  const asked = [];
  const stored = [];
  const lost = [];
  let ids = 0;
  const outbox = new Outbox({
    storage,
    tab: name,
    now: clock.now,
    wait: clock.wait,
    newId: () => `${name}-${(ids += 1)}`,
    ask: (verb, payload) => new Promise((give, fail) => asked.push({ verb, payload, give, fail })),
    stored: (room, message) => stored.push([room, message]),
    lost: (room) => lost.push(room),
  });
  const answer = async (ack) => {
    asked.shift().give(ack);
    await settled();
  };
  const states = (room = "den") => outbox.items(room).map(({ text, state }) => `${text} ${state}`);
  return { outbox, storage, clock, asked, stored, lost, answer, states };
}

const taken = (message = {}) => ({ ok: true, message });

test("nothing goes before the room is open, then all goes in order, each behind the one before it", async () => {
  const { outbox, asked, answer, states } = tab();
  const first = outbox.add("den", "one");
  outbox.add("den", "two");
  assert.equal(asked.length, 0);
  outbox.open("den");
  assert.deepEqual(asked.map(({ verb, payload }) => [verb, payload.text, payload.follows]), [
    ["send", "one", undefined],
    ["send", "two", first],
  ]);
  assert.deepEqual(states(), ["one sending", "two sending"]);
  await answer(taken());
  assert.deepEqual(states(), ["two sending"]);
  await answer(taken());
  assert.deepEqual(states(), []);
});

test("only so many are in flight at once, and each that is confirmed lets the next one go", async () => {
  const { outbox, asked, answer } = tab();
  for (let nth = 0; nth < 200; nth += 1) outbox.add("den", `${nth}`);
  outbox.open("den");
  const most = asked.length;
  assert.ok(most >= 20 && most <= 100, `${most} in flight`);
  await answer(taken());
  assert.equal(asked.length, most);
  assert.equal(asked.at(-1).payload.text, `${most}`);
});

test("rooms do not wait for each other", () => {
  const { outbox, asked } = tab();
  for (const room of ["den", "attic"]) {
    outbox.open(room);
    outbox.add(room, `to ${room}`);
  }
  assert.deepEqual(asked.map(({ payload }) => payload.room), ["den", "attic"]);
});

test("the confirmed words are handed on, and are no longer stored", async () => {
  const { outbox, stored, answer, storage } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  assert.equal(storage.size, 1);
  await answer(taken({ seq: 7 }));
  assert.deepEqual(stored, [["den", { seq: 7 }]]);
  assert.equal(storage.size, 0);
});

test("no answer means unknown: the same id goes again", async () => {
  const { outbox, asked, clock } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  const first = asked.shift();
  first.fail(new Error("timeout"));
  await settled();
  await clock.pass(1_000);
  assert.deepEqual(asked[0].payload, first.payload);
});

test("after a break it goes again with the old id, only once the room is open again", async () => {
  const { outbox, asked, states, answer } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  const first = asked.shift();
  outbox.pause();
  first.fail(new Error("gone"));
  await settled();
  assert.deepEqual(states(), ["one waiting"]);
  assert.equal(asked.length, 0);
  outbox.open("den");
  assert.deepEqual(asked[0].payload, first.payload);
  await answer(taken());
  assert.deepEqual(states(), []);
});

test("an ack that comes after the break still counts", async () => {
  const { outbox, asked, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  outbox.pause();
  asked.shift().give(taken());
  await settled();
  assert.deepEqual(states(), []);
});

test("what fails late, from before the break, does not disturb what is under way", async () => {
  const { outbox, asked, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  const first = asked.shift();
  outbox.pause();
  outbox.open("den");
  first.fail(new Error("gone"));
  await settled();
  assert.deepEqual(states(), ["one sending"]);
});

test("seen in the log while it was away, it is not sent again", () => {
  const { outbox, asked, storage } = tab();
  const id = outbox.add("den", "one");
  outbox.settle(id);
  outbox.open("den");
  assert.equal(asked.length, 0);
  assert.equal(storage.size, 0);
});

test("260 go out in six round trips", async () => {
  const { outbox, asked, stored } = tab();
  for (let nth = 0; nth < 260; nth += 1) outbox.add("den", `${nth}`);
  outbox.open("den");
  let trips = 0;
  for (; asked.length > 0; trips += 1) {
    for (const { give, payload } of asked.splice(0)) give(taken({ text: payload.text }));
    await settled();
  }
  assert.equal(trips, 6);
  assert.deepEqual(stored.map(([, { text }]) => text), Array.from({ length: 260 }, (_, nth) => `${nth}`));
});

test("too fast: all wait as long as the first is told, go by themselves, and begin again with one", async () => {
  const { outbox, asked, answer, clock, states } = tab();
  outbox.open("den");
  for (const text of ["one", "two", "three"]) outbox.add("den", text);
  await answer({ ok: false, error: "too_fast", text: "Slowly.", retry_after: 4 });
  await answer({ ok: false, error: "out_of_order", text: "Not yet." });
  await answer({ ok: false, error: "too_fast", text: "Slowly.", retry_after: 9 });
  await clock.pass(3_999);
  assert.equal(asked.length, 0);
  await clock.pass(1);
  assert.deepEqual(asked.map(({ payload }) => payload.text), ["one"]);
  assert.deepEqual(states(), ["one sending", "two waiting", "three waiting"]);
  await answer(taken());
  assert.deepEqual(asked.map(({ payload }) => payload.text), ["two", "three"]);
});

test("slow mode: the message waits by itself, says why and until when, and goes", async () => {
  const { outbox, asked, answer, clock } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  await answer({ ok: false, error: "slow_mode", text: "One message every 30 s.", retry_after: 12 });
  const [item] = outbox.items("den");
  assert.deepEqual([item.state, item.sentence, item.until > 0], ["waiting", "One message every 30 s.", true]);
  await clock.pass(12_000);
  assert.deepEqual([asked.length, item.until], [1, undefined]);
  await answer(taken());
  assert.deepEqual(outbox.items("den"), []);
});

test("what would wait longer than a minute is the person's to send again", async () => {
  const { outbox, answer, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  await answer({ ok: false, error: "slow_mode", text: "One message every 5 minutes.", retry_after: 240 });
  assert.deepEqual(states(), ["one failed"]);
});

test("whoever is muted or banned keeps what they wrote, to send or to take back", async () => {
  for (const error of ["muted", "banned"]) {
    const { outbox, answer, states } = tab();
    outbox.open("den");
    const id = outbox.add("den", "one");
    await answer({ ok: false, error, text: "Not now." });
    assert.deepEqual(states(), ["one failed"]);
    assert.equal(outbox.take(id).text, "one");
  }
});

test("a room that one was removed from sends nothing until it is open again", async () => {
  const { outbox, asked } = tab();
  outbox.open("den");
  outbox.close("den");
  outbox.close("attic");
  outbox.add("den", "one");
  assert.equal(asked.length, 0);
  outbox.open("den");
  assert.equal(asked.length, 1);
});

test("nothing goes again while anything of before the refusal is still on its way", async () => {
  const { outbox, asked, answer, clock, states } = tab();
  outbox.open("den");
  for (const text of ["one", "two"]) outbox.add("den", text);
  await answer({ ok: false, error: "too_fast", text: "Slowly.", retry_after: 1 });
  await clock.pass(5_000);
  assert.deepEqual(states(), ["one waiting", "two sending"]);
  await answer({ ok: false, error: "out_of_order", text: "Not yet." });
  assert.deepEqual(asked.map(({ payload }) => payload.text), ["one"]);
});

test("what follows a refused one goes again without it", async () => {
  const { outbox, asked, answer } = tab();
  outbox.open("den");
  for (const text of ["one", "two"]) outbox.add("den", text);
  await answer({ ok: false, error: "too_long", text: "Too long." });
  await answer({ ok: false, error: "out_of_order", text: "Not yet." });
  assert.deepEqual(asked.map(({ payload }) => [payload.text, payload.follows]), [["two", undefined]]);
});

test("a refusal fails with its sentence, the next one goes on, and the text can be taken back", async () => {
  const { outbox, asked, answer, states, storage } = tab();
  outbox.open("den");
  const id = outbox.add("den", "one");
  outbox.add("den", "two");
  await answer({ ok: false, error: "too_long", text: "Too long." });
  assert.deepEqual(states(), ["one failed", "two sending"]);
  assert.equal(outbox.items("den")[0].sentence, "Too long.");
  assert.equal(asked[0].payload.text, "two");
  assert.equal(outbox.take(id).text, "one");
  assert.equal(storage.size, 1);
});

test("only what has failed can be taken back", () => {
  const { outbox, states } = tab();
  const id = outbox.add("den", "one");
  assert.equal(outbox.take(id), null);
  assert.deepEqual(states(), ["one waiting"]);
});

test("a fault of the server is tried four times with the same id, then it is the person's to retry", async () => {
  const { outbox, asked, answer, clock, states } = tab();
  outbox.open("den");
  const id = outbox.add("den", "one");
  for (let nth = 0; nth < 4; nth += 1) {
    assert.equal(asked[0].payload.id, id);
    await answer({ ok: false, error: "broken", text: "Something broke." });
    await clock.pass(60_000);
  }
  assert.deepEqual(states(), ["one failed"]);
  outbox.retry(id);
  assert.equal(asked[0].payload.id, id);
});

const full = (more = {}) => ({ ok: false, error: "storage", text: "The disk is full.", ...more });

test("while nothing can be stored it waits and tells why, and goes by itself when the storage is back", async () => {
  const { outbox, asked, stored, answer, clock, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  outbox.add("den", "two");
  for (let nth = 0; nth < 20; nth += 1) {
    await answer(full());
    if (nth === 0) await answer(full());
    assert.deepEqual(states(), ["one waiting", "two waiting"]);
    assert.deepEqual(outbox.items("den").map(({ sentence }) => sentence), ["The disk is full.", undefined]);
    await clock.pass(30_000);
    assert.equal(asked.length, 1, "it is asked again after 30 s at the latest");
  }
  await answer(taken({ seq: 1 }));
  await answer(taken({ seq: 2 }));
  assert.deepEqual(stored.map(([, { seq }]) => seq), [1, 2]);
});

test("the server's own time to come back counts while nothing can be stored", async () => {
  const { outbox, asked, answer, clock } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  await answer(full({ retry_after: 12 }));
  await clock.pass(11_999);
  assert.equal(asked.length, 0);
  await clock.pass(1);
  assert.equal(asked.length, 1);
});

for (const error of ["too_fast", "too_many"]) {
  test(`a limit that passes by itself is waited for, and told where that takes long: ${error}`, async () => {
    const { outbox, asked, stored, answer, clock, states } = tab();
    outbox.open("den");
    outbox.add("den", "one");
    await answer({ ok: false, error, text: "You have said the same several times.", retry_after: 9.5 });
    assert.deepEqual(states(), ["one waiting"]);
    assert.equal(outbox.items("den")[0].sentence, "You have said the same several times.");
    await clock.pass(9_499);
    assert.equal(asked.length, 0);
    await clock.pass(1);
    await answer({ ok: false, error, text: "Too much.", retry_after: 0.5 });
    await clock.pass(500);
    await answer(taken({ seq: 1 }));
    assert.deepEqual(stored.map(([, { seq }]) => seq), [1]);
  });
}

test("too many of something that does not pass by itself is a refusal", async () => {
  const { outbox, answer, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  await answer({ ok: false, error: "too_many", text: "A connection is in 100 rooms at most." });
  assert.deepEqual(states(), ["one failed"]);
});

test("a lost connection is another reason to wait, and a reload knows no old one", async () => {
  const { outbox, answer, storage, clock } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  await answer(full());
  outbox.touch();
  const after = tab({ storage, clock });
  after.outbox.adopt();
  outbox.pause();
  for (const box of [outbox, after.outbox]) {
    assert.deepEqual(box.items("den").map(({ state, sentence }) => [state, sentence]), [["waiting", undefined]]);
  }
});

test("words taken back are told what they were an answer to", async () => {
  const { outbox, answer } = tab();
  outbox.open("den");
  const id = outbox.add("den", "yes!", 7);
  await answer({ ok: false, error: "muted", text: "Muted." });
  assert.equal(outbox.take(id).reply_to, 7);
});

test("an id that another text holds is renewed on retry", async () => {
  const { outbox, asked, answer } = tab();
  outbox.open("den");
  const id = outbox.add("den", "one");
  await answer({ ok: false, error: "id_reused", text: "This id is taken." });
  outbox.retry(id);
  assert.notEqual(asked[0].payload.id, id);
  assert.equal(asked[0].payload.text, "one");
});

test("a room that the server does not see us in is joined again first, once for all that was in flight", async () => {
  const { outbox, asked, lost, answer, states } = tab();
  outbox.open("den");
  outbox.add("den", "one");
  outbox.add("den", "two");
  for (let nth = 0; nth < 2; nth += 1) await answer({ ok: false, error: "not_member", text: "Join first." });
  assert.deepEqual(lost, ["den"]);
  assert.equal(asked.length, 0);
  assert.deepEqual(states(), ["one waiting", "two waiting"]);
  outbox.open("den");
  assert.deepEqual(asked.map(({ payload }) => payload.text), ["one", "two"]);
});

/** A server in miniature: what it is asked it does in that order, stores once, and keeps to `follows`. */
class Store {
  constructor({ below, chance }) {
    Object.assign(this, { below, chance, log: [], waiting: [] });
  }

  ask = (verb, { id, text, follows }) =>
    new Promise((give, fail) => {
      const ack = this.send(id, text, follows);
      this.waiting.push(() => (this.chance(0.03) ? fail(new Error("timeout")) : give(ack)));
    });

  send(id, text, follows) {
    const stored = this.log.find((one) => one.id === id);
    if (this.chance(0.15)) return { ok: false, error: ["too_fast", "storage", "not_member"][this.below(3)], text: "No.", retry_after: 1 };
    if (follows && !this.log.some((one) => one.id === follows)) return { ok: false, error: "out_of_order", text: "Not yet." };
    if (!stored) this.log.push({ id, text });
    return { ok: true, message: { id } };
  }
}

test("whatever is refused, lost or broken off in 200 random lives, it is said once and in order", async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const { below, chance } = dice(seed);
    const store = new Store({ below, chance });
    const clock = new Clock();
    let ids = 0;
    const outbox = new Outbox({
      storage: new MemoryStorage(),
      tab: "tab-1",
      now: clock.now,
      wait: clock.wait,
      newId: () => `id-${(ids += 1)}`,
      ask: store.ask,
      stored: () => {},
      lost: (room) => clock.wait(10).then(() => outbox.open(room)),
    });
    outbox.open("den");
    for (let step = 0; step < 400; step += 1) {
      const act = below(12);
      if (act < 3) outbox.add("den", `${outbox.nth}`);
      else if (act < 9) store.waiting.shift()?.();
      else if (act < 11) await clock.pass(1_000);
      else if (chance(0.2)) {
        outbox.pause();
        if (chance(0.5)) store.waiting.splice(0).forEach((answer) => answer());
        else store.waiting = [];
        outbox.open("den");
      }
      await settled();
    }
    for (let left = 0; outbox.items("den").length > 0; left += 1) {
      assert.ok(left < 20_000, `life ${seed} comes to an end`);
      store.waiting.shift()?.();
      await settled();
      await clock.pass(10_000);
    }
    const texts = store.log.map(({ text }) => text);
    assert.deepEqual(texts, Array.from({ length: outbox.nth }, (_, nth) => `${nth}`), `life ${seed}`);
  }
});

test("a reload finds everything again, in order, the failed still failed", async () => {
  const before = tab();
  before.outbox.open("den");
  for (const text of ["one", "two", "three"]) before.outbox.add("den", text);
  await before.answer({ ok: false, error: "muted", text: "Muted." });
  const after = tab({ storage: before.storage, clock: before.clock });
  after.outbox.adopt();
  assert.deepEqual(after.states(), ["one failed", "two waiting", "three waiting"]);
  after.outbox.open("den");
  assert.equal(after.asked[0].payload.id, before.asked[0].payload.id);
});

test("what an answer answers goes with it, over a reload too; other words carry nothing of the kind", async () => {
  const { outbox, storage, clock } = tab();
  outbox.add("den", "yes!", 7);
  outbox.add("den", "by the way");
  const again = tab({ storage, clock });
  again.outbox.adopt();
  assert.deepEqual(again.outbox.items("den").map(({ reply_to }) => reply_to), [7, undefined]);
  again.outbox.open("den");
  assert.equal(again.asked[0].payload.reply_to, 7);
  await again.answer(taken());
  assert.equal("reply_to" in again.asked[0].payload, false);
});

test("another tab leaves it alone while its owner lives, and takes it over when the owner is gone", async () => {
  const one = tab();
  one.outbox.add("den", "mine");
  const two = tab({ storage: one.storage, clock: one.clock, name: "tab-2" });
  two.outbox.adopt();
  assert.deepEqual(two.states(), []);
  await one.clock.pass(100_000);
  one.outbox.touch();
  await one.clock.pass(100_000);
  two.outbox.adopt();
  assert.deepEqual(two.states(), []);
  await one.clock.pass(100_000);
  two.outbox.adopt();
  assert.deepEqual(two.states(), ["mine waiting"]);
});

test("where the browser tells which tabs live, a crashed one leaves its words at once, and a frozen one keeps them", async () => {
  const one = tab();
  one.outbox.add("den", "mine");
  await one.clock.pass(1_000_000);
  const two = tab({ storage: one.storage, clock: one.clock, name: "tab-2" });
  two.outbox.adopt(new Set(["tab-1", "tab-2"]));
  assert.deepEqual(two.states(), []);
  two.outbox.adopt(new Set(["tab-2"]));
  assert.deepEqual(two.states(), ["mine waiting"]);
});

test("a closed tab leaves its words to the next one at once", () => {
  const one = tab();
  one.outbox.add("den", "mine");
  one.outbox.release();
  const two = tab({ storage: one.storage, clock: one.clock, name: "tab-2" });
  two.outbox.adopt();
  assert.deepEqual(two.states(), ["mine waiting"]);
});

test("what another tab settled is gone here too", () => {
  const { outbox, states } = tab();
  const id = outbox.add("den", "one");
  outbox.removedElsewhere(id);
  assert.deepEqual(states(), []);
});

test("a broken row in the storage harms nobody", () => {
  const storage = new MemoryStorage([["outbox:x", "{"], ["outbox:y", "null"]]);
  const { outbox, states } = tab({ storage });
  outbox.adopt();
  assert.deepEqual(states(), []);
});

test("ids are made where there is no secure context, too", () => {
  const plain = { getRandomValues: (bytes) => crypto.getRandomValues(bytes) };
  const ids = new Set(Array.from({ length: 100 }, () => newId(plain)));
  assert.equal(ids.size, 100);
  for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{8,64}$/);
});

/** A tab whose files are ready when the test says so. */
function tabWithFiles(options = {}) {
  const uploads = new Map();
  const forgotten = [];
  const dropped = [];
  const one = tab(options);
  one.outbox.files = {
    ready: (key) => new Promise((give) => uploads.set(key, give)),
    forgetUpload: async (key) => forgotten.push(key),
  };
  one.outbox.dropped = ({ file }) => dropped.push(file.key);
  const uploaded = async (key, id) => {
    uploads.get(key)(id ? { ok: true, file: { id, name: "a.png" } } : { ok: false, error: "file_type", text: "It is damaged." });
    uploads.delete(key);
    await settled();
  };
  return { ...one, uploads, forgotten, dropped, uploaded };
}

const carried = (key = "key-1") => ({ key, name: "a.png", type: "image/png", bytes: 9 });

test("a message waits for its file, and what was written after it waits for both", async () => {
  const { outbox, asked, answer, uploaded, dropped } = tabWithFiles();
  outbox.open("den");
  outbox.add("den", "before");
  const id = outbox.add("den", "look", undefined, carried());
  outbox.add("den", "after");
  assert.deepEqual(asked.map(({ payload }) => payload.text), ["before"]);
  await uploaded("key-1", "f1");
  assert.deepEqual(asked.map(({ payload }) => [payload.text, payload.file]), [["before", undefined], ["look", "f1"], ["after", undefined]]);
  assert.equal(asked[2].payload.follows, id);
  assert.deepEqual(dropped, []);
  await answer(taken());
  await answer(taken());
  assert.deepEqual(dropped, ["key-1"], "its bytes are kept until it is in the log");
});

test("a file may go without a word, outlives a reload, and is not uploaded twice", async () => {
  const { outbox, storage, uploaded, asked } = tabWithFiles();
  outbox.open("den");
  outbox.add("den", "", undefined, carried());
  await uploaded("key-1", "f1");
  assert.equal(asked.length, 1);
  const after = tabWithFiles({ storage });
  after.outbox.adopt();
  after.outbox.open("den");
  assert.equal(after.uploads.size, 0);
  assert.deepEqual([after.asked[0].payload.file, after.asked[0].payload.text], ["f1", ""]);
  assert.ok(after.outbox.holds("key-1"));
});

test("where the server has the file no longer it is uploaded again; not for ever", async () => {
  const { outbox, asked, answer, uploaded, forgotten, states, dropped } = tabWithFiles();
  outbox.open("den");
  outbox.add("den", "look", undefined, carried());
  for (const nth of [1, 2, 3]) {
    await uploaded("key-1", `f${nth}`);
    assert.equal(asked[0].payload.file, `f${nth}`);
    await answer({ ok: false, error: "no_such_file", text: "It is gone." });
    assert.equal(forgotten.length, nth);
  }
  await uploaded("key-1", "f4");
  await answer({ ok: false, error: "no_such_file", text: "It is gone." });
  assert.deepEqual(states(), ["look failed"]);
  assert.deepEqual(dropped, []);
});

test("a file that cannot be uploaded fails its message, not those behind it; taken back it keeps its bytes", async () => {
  const { outbox, asked, uploaded, states, dropped } = tabWithFiles();
  outbox.open("den");
  const id = outbox.add("den", "look", undefined, carried());
  outbox.add("den", "after");
  await uploaded("key-1", null);
  assert.deepEqual(states(), ["look failed", "after sending"]);
  assert.equal(asked[0].payload.follows, undefined);
  assert.equal(outbox.take(id).file.key, "key-1");
  assert.deepEqual([states(), dropped], [["after sending"], []]);
});

test("an upload can be cancelled until its message is on its way", async () => {
  const { outbox, asked, uploaded, states, dropped } = tabWithFiles();
  outbox.open("den");
  const first = outbox.add("den", "look", undefined, carried("key-1"));
  const second = outbox.add("den", "too", undefined, carried("key-2"));
  assert.equal(outbox.cancel(first).text, "look");
  assert.deepEqual([states(), dropped], [["too waiting"], ["key-1"]]);
  await uploaded("key-2", "f2");
  assert.equal(asked.length, 1);
  assert.equal(outbox.cancel(second), null);
});
