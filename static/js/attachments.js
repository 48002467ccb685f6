// Files on their way: in the composer of a room until they are sent, then with a message of the outbox. Each is uploaded as soon
// as it is there, one after the other, and again where that came to nothing; its bytes stay in the browser until its message
// is in the log. No DOM in here.

import { sizeOf } from "./file-size.js";
import { t, tn } from "./language.js";

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;
const FORGOTTEN_MS = 86_400_000; // after which bytes that nothing leads to are removed
const TEMPORARY = new Set(["too_fast", "storage", "broken"]);
const FINAL = new Set(["file_type", "file_too_large"]); // it will not be another file the next time
const MAX_TRIES = 4; // of what the server calls broken

export const MAX_FILES = 20; // in a composer
export const GONE = { ok: false, error: "no_such_file", text: t("This file is not in this browser any more. Choose it again.") };

export class Attachments {
  /**
   * store: a BlobStore; upload({blob, name, room, progress, signal}) -> Promise of the answer, null where there was none;
   * limit(): bytes; tab: this tab's name; alive() -> Promise of the names of open tabs, null where they are not known; changed(room).
   */
  constructor({ store, upload, wait, now, newId, tab, limit, alive = async () => null, changed = () => {} }) {
    Object.assign(this, { store, upload, wait, now, newId, tab, limit, alive, changed });
    this.byKey = new Map();
    this.queue = [];
    this.awaited = new Map();
    this.wake = () => {}; // there is a network again: what waits for it is tried at once
    this.loaded = this.restore();
  }

  /** Those in the composer of a room, in the order in which they came. */
  of(room) {
    return [...this.byKey.values()].filter((one) => one.room === room && one.place === "composer");
  }

  get(key) {
    return this.byKey.get(key);
  }

  /** Answers a sentence where not all of them were taken. */
  add(room, files) {
    const space = MAX_FILES - this.of(room).length;
    for (const blob of [...files].slice(0, Math.max(0, space))) this.addOne(room, blob);
    return files.length > space ? tn("{n} file can be sent at once. Send it first.", "{n} files can be sent at once. Send these first.", MAX_FILES) : "";
  }

  addOne(room, blob) {
    const one = { key: this.newId(), room, blob, name: blob.name || nameOf(blob), type: blob.type, size: blob.size, at: this.now() };
    Object.assign(one, { tab: this.tab, place: "composer", progress: 0, state: "waiting" });
    this.byKey.set(one.key, one);
    const refusal = this.refusal(one);
    if (refusal) Object.assign(one, { state: "failed", sentence: refusal, isFinal: true });
    else this.save(one).then(() => this.enqueue(one));
    this.changed(room);
  }

  refusal({ size, name }) {
    const limit = this.limit();
    if (size === 0) return t("{name} is empty.", { name });
    return size > limit ? t("{name} is too large: a file has {size} at most here.", { name, size: sizeOf(limit) }) : "";
  }

  /** Sent: they leave the composer, and answer what the outbox keeps of each. Those that cannot be uploaded stay. */
  take(room) {
    const taken = this.of(room).filter(({ isFinal }) => !isFinal);
    for (const one of taken) {
      one.place = "outbox";
      this.save(one);
    }
    this.changed(room);
    return taken.map((one) => described(one));
  }

  /** A message was taken back: its file is in the composer again. */
  async putBack({ key }, room) {
    const one = await this.load(key);
    if (!one) return;
    Object.assign(one, { place: "composer", room, tab: this.tab });
    await this.save(one);
    this.changed(room);
  }

  /** What the server says of the file, as soon as it is there: {ok, file}, or why it cannot be. */
  async ready(key) {
    const one = await this.load(key);
    if (!one) return GONE;
    if (one.isFinal) return { ok: false, error: "file_type", text: one.sentence };
    if (one.file) return { ok: true, file: one.file };
    const answer = new Promise((done) => this.awaited.set(key, [...(this.awaited.get(key) ?? []), done]));
    if (one.state === "failed") this.retry(key);
    else this.enqueue(one);
    return answer;
  }

  /** The server has it no more: it is uploaded anew when it is asked for. */
  async forgetUpload(key) {
    const one = await this.load(key);
    if (!one) return;
    Object.assign(one, { file: undefined, state: "waiting", progress: 0 });
    await this.save(one);
  }

  retry(key) {
    const one = this.byKey.get(key);
    if (one?.state !== "failed" || one.isFinal) return;
    Object.assign(one, { state: "waiting", sentence: undefined, progress: 0, tries: 0 });
    this.changed(one.room);
    this.enqueue(one);
  }

  /** It is not wanted any more, or its message is in the log. */
  remove(key) {
    const one = this.byKey.get(key);
    this.byKey.delete(key);
    this.queue = this.queue.filter((other) => other !== one);
    one?.controller?.abort();
    this.store.remove(key);
    this.settle(key, GONE);
    if (one) this.changed(one.room);
  }

  /** The size of a picture in pixels, as the browser shows it. */
  measured(key, width, height) {
    const one = this.byKey.get(key);
    if (!one || one.width) return;
    Object.assign(one, { width, height });
    this.changed(one.room);
  }

  enqueue(one) {
    if (one.file || this.queue.includes(one) || !this.byKey.has(one.key)) return;
    this.queue.push(one);
    if (this.queue.length === 1) this.run();
  }

  async run() {
    while (this.queue.length > 0) {
      const [one] = this.queue;
      await this.send(one);
      this.queue = this.queue.filter((other) => other !== one);
    }
  }

  async send(one) {
    let pause = FIRST_PAUSE_MS;
    while (this.byKey.has(one.key)) {
      Object.assign(one, { state: "uploading", sentence: undefined, progress: 0, controller: new AbortController() });
      this.changed(one.room);
      const { blob, name, room, controller } = one;
      const answer = await this.upload({ blob, name, room, signal: controller.signal, progress: (share) => this.progressed(one, share) });
      if (!this.byKey.has(one.key)) return;
      if (answer?.ok) return this.arrived(one, answer);
      if (answer && !this.isTemporary(one, answer)) return this.fail(one, answer);
      const told = answer?.retry_after * 1_000 || 0;
      Object.assign(one, { state: "waiting", sentence: answer?.text, progress: 0 });
      this.changed(one.room);
      await Promise.race([this.wait(Math.max(pause, told)), new Promise((done) => (this.wake = done))]);
      pause = Math.min(2 * pause, MAX_PAUSE_MS);
    }
  }

  isTemporary(one, { error, retry_after }) {
    if (error === "broken") return (one.tries = (one.tries ?? 0) + 1) < MAX_TRIES;
    return TEMPORARY.has(error) || (error === "too_many" && retry_after <= 60);
  }

  progressed(one, share) {
    const isNews = Math.floor(share * 50) !== Math.floor(one.progress * 50);
    one.progress = share;
    if (isNews) this.changed(one.room);
  }

  async arrived(one, answer) {
    Object.assign(one, { state: "done", progress: 1, file: answer.file });
    await this.save(one);
    this.settle(one.key, answer);
    this.changed(one.room);
  }

  fail(one, answer) {
    Object.assign(one, { state: "failed", sentence: answer.text, progress: 0, isFinal: FINAL.has(answer.error) });
    this.settle(one.key, answer);
    this.changed(one.room);
  }

  settle(key, answer) {
    const waiting = this.awaited.get(key) ?? [];
    this.awaited.delete(key);
    for (const done of waiting) done(answer);
  }

  async load(key) {
    await this.loaded;
    if (this.byKey.has(key)) return this.byKey.get(key);
    const record = await this.store.get(key);
    if (record && !this.byKey.has(key)) this.byKey.set(key, asLoaded(record));
    return this.byKey.get(key) ?? null;
  }

  /** Those that this tab, or one that was closed, left in a composer. */
  async restore() {
    const [records, alive] = await Promise.all([this.store.all(), this.alive()]);
    for (const record of records.sort((one, other) => one.at - other.at)) {
      if (record.place !== "composer") {
        if (this.now() - record.at > FORGOTTEN_MS && !this.byKey.has(record.key)) this.old = [...(this.old ?? []), record.key];
      } else if (record.tab === this.tab || (alive && !alive.has(record.tab))) {
        const one = { ...asLoaded(record), tab: this.tab };
        this.byKey.set(one.key, one);
        if (one.tab !== record.tab) this.save(one);
        this.enqueue(one);
        this.changed(one.room);
      }
    }
  }

  /** Bytes to which no message of the outbox leads. isWanted(key). */
  async clear(isWanted) {
    await this.loaded;
    for (const key of this.old ?? []) if (!isWanted(key) && !this.byKey.has(key)) this.store.remove(key);
    this.old = [];
  }

  save({ key, room, blob, name, type, size, at, tab, place, file, width, height }) {
    return this.store.put({ key, room, blob, name, type, size, at, tab, place, file, width, height });
  }
}

/** As the outbox keeps it with its message. */
function described({ key, name, type, size, width, height, file }) {
  return { key, name, type, bytes: size, ...(width && { width, height }), ...(file && { id: file.id, sent: file }) };
}

function asLoaded(record) {
  const { file } = record;
  return { ...record, progress: file ? 1 : 0, state: file ? "done" : "waiting" };
}

/** Pasted pictures have no name. */
function nameOf({ type }) {
  const [kind, form] = (type || "").split("/");
  return kind === "image" && form ? `picture.${form.replace("jpeg", "jpg").replace(/\+.*/, "")}` : "file";
}
