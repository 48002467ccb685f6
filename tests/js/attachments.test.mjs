import assert from "node:assert/strict";
import { test } from "node:test";

import { Attachments, GONE, MAX_FILES } from "../../static/js/attachments.js";
import { sizeOf } from "../../static/js/file-size.js";
import { Clock, settled } from "./log.mjs";

/** The browser's database in a Map, which outlives the page. */
class Records extends Map {
  async put(record) {
    this.set(record.key, record);
  }

  async get(key) {
    return super.get(key) ?? null;
  }

  async all() {
    return [...this.values()];
  }

  async remove(key) {
    this.delete(key);
  }
}

const named = (name, size = 10, type = "image/png") => Object.assign(new Blob(["x".repeat(size)], { type }), { name });

/** A tab; what it uploads waits in `asked` until the test answers it. */
function tab({ store = new Records(), name = "tab-1", clock = Object.assign(new Clock(), { time: 1_000_000 }), alive = null } = {}) {
  const asked = [];
  let keys = 0;
  const attachments = new Attachments({
    store,
    tab: name,
    now: clock.now,
    wait: clock.wait,
    limit: () => 1_000,
    newId: () => `${name}-key-${(keys += 1)}`,
    alive: async () => alive,
    upload: (one) => new Promise((give) => asked.push({ ...one, give })),
  });
  const answer = async (ack) => {
    asked.shift().give(ack);
    await settled();
  };
  const states = (room = "den") => attachments.of(room).map((one) => `${one.name} ${one.state}`);
  return { attachments, store, clock, asked, answer, states };
}

const stored = (id) => ({ ok: true, file: { id, name: `${id}.png`, type: "image/png", bytes: 10 } });

test("files are uploaded at once, one after the other, and say how far they are", async () => {
  const { attachments, asked, answer, states } = tab();
  assert.equal(attachments.add("den", [named("a"), named("b")]), "");
  await settled();
  assert.deepEqual(states(), ["a uploading", "b waiting"]);
  asked[0].progress(0.5);
  assert.equal(attachments.of("den")[0].progress, 0.5);
  assert.deepEqual([asked[0].name, asked[0].room], ["a", "den"]);
  await answer(stored("1"));
  assert.deepEqual(states(), ["a done", "b uploading"]);
  await answer(stored("2"));
  assert.deepEqual(states(), ["a done", "b done"]);
});

test("what is too large or empty is refused with a sentence, stays in sight, and is not sent", async () => {
  const { attachments, states } = tab();
  attachments.add("den", [named("huge", 1_001), named("empty", 0), named("fine")]);
  await settled();
  assert.deepEqual(states(), ["huge failed", "empty failed", "fine uploading"]);
  assert.match(attachments.of("den")[0].sentence, /1\u00a0KB at most/);
  assert.deepEqual(attachments.take("den").map(({ name }) => name), ["fine"]);
  assert.deepEqual(states(), ["huge failed", "empty failed"]);
  assert.match(attachments.add("den", Array.from({ length: MAX_FILES }, () => named("x"))), /at once/);
  assert.equal(attachments.of("den").length, MAX_FILES);
});

test("without an answer it is tried again, later and later; what the server refuses can be tried again by hand", async () => {
  const { attachments, clock, asked, answer, states } = tab();
  attachments.add("den", [named("a")]);
  await settled();
  for (const pause of [1_000, 2_000, 4_000]) {
    await answer(null);
    assert.deepEqual(states(), ["a waiting"]);
    assert.equal(asked.length, 0);
    await clock.pass(pause);
    assert.deepEqual(states(), ["a uploading"]);
  }
  await answer(null);
  attachments.wake();
  await settled();
  assert.deepEqual(states(), ["a uploading"], "at once, where there is a network again");
  await answer({ ok: false, error: "too_many", text: "Too many.", retry_after: 20 });
  assert.equal(attachments.of("den")[0].sentence, "Too many.");
  await clock.pass(20_000);
  await answer({ ok: false, error: "muted", text: "You were muted." });
  assert.deepEqual(states(), ["a failed"]);
  attachments.retry("tab-1-key-1");
  await settled();
  await answer(stored("1"));
  assert.deepEqual(states(), ["a done"]);
});

test("what the server cannot take as it is stays in the composer, and is not sent", async () => {
  const { attachments, answer, states } = tab();
  attachments.add("den", [named("a"), named("b")]);
  await settled();
  await answer({ ok: false, error: "file_type", text: "This picture is damaged." });
  attachments.retry("tab-1-key-1");
  assert.deepEqual(states(), ["a failed", "b uploading"]);
  assert.equal((await attachments.ready("tab-1-key-1")).text, "This picture is damaged.");
  assert.deepEqual(attachments.take("den").map(({ name }) => name), ["b"]);
});

test("a reload loses neither what waits nor what was uploaded", async () => {
  const before = tab();
  before.attachments.add("den", [named("a"), named("b")]);
  await settled();
  await before.answer(stored("1"));
  const after = tab({ store: before.store });
  await settled();
  assert.deepEqual(after.states(), ["a done", "b uploading"]);
  assert.deepEqual((await after.attachments.ready("tab-1-key-1")).file.id, "1");
  const other = tab({ store: before.store, name: "tab-2", alive: new Set(["tab-1", "tab-2"]) });
  await settled();
  assert.deepEqual(other.states(), [], "an open tab's are its own");
  const heir = tab({ store: before.store, name: "tab-3", alive: new Set(["tab-3"]) });
  await settled();
  assert.deepEqual(heir.states(), ["a done", "b uploading"]);
});

test("a message waits for its file; one that is not here any more, or was removed, is said to be gone", async () => {
  const { attachments, answer, asked } = tab();
  attachments.add("den", [named("a")]);
  await settled();
  const [{ key, name, bytes }] = attachments.take("den");
  assert.deepEqual([name, bytes], ["a", 10]);
  const ready = attachments.ready(key);
  await answer(stored("1"));
  assert.deepEqual(await ready, { ok: true, file: stored("1").file });
  await attachments.forgetUpload(key);
  const again = attachments.ready(key);
  await settled();
  await answer(stored("2"));
  assert.equal((await again).file.id, "2");
  assert.deepEqual(await attachments.ready("unknown"), GONE);
  await attachments.forgetUpload(key);
  const cancelled = attachments.ready(key);
  await settled();
  attachments.remove(key);
  assert.deepEqual(await cancelled, GONE);
  assert.ok(asked[0].signal.aborted);
});

test("a message that is taken back brings its file back into the composer", async () => {
  const { attachments, states, store } = tab();
  attachments.add("den", [named("a")]);
  await settled();
  const [file] = attachments.take("den");
  assert.deepEqual(states(), []);
  assert.equal((await store.get(file.key)).place, "outbox");
  await attachments.putBack(file, "den");
  assert.deepEqual(states(), ["a uploading"]);
});

test("bytes that no message leads to go after a day", async () => {
  const first = tab();
  first.attachments.add("den", [named("a"), named("b")]);
  await settled();
  first.attachments.take("den");
  await settled();
  first.clock.time += 90_000_000;
  const later = tab({ store: first.store, clock: first.clock });
  await later.attachments.clear((key) => key.endsWith("2"));
  assert.deepEqual([...first.store.keys()], ["tab-1-key-2"]);
});

test("sizes are told as people read them", () => {
  const sizes = [0, 999, 1_000, 1_234, 25_000, 999_499, 999_500, 25_000_000, 1_500_000_000].map(sizeOf);
  assert.deepEqual(sizes, ["0\u00a0B", "999\u00a0B", "1\u00a0KB", "1.2\u00a0KB", "25\u00a0KB", "999\u00a0KB", "1\u00a0MB", "25\u00a0MB", "1.5\u00a0GB"]);
});
