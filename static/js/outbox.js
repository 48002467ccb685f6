// Messages that the server has not confirmed yet. They outlive the page: every item is a row of its own in the browser's
// storage, so two tabs never overwrite each other. Without an ack it is unknown whether a message was stored, so it is sent
// again with the same id until there is an ack; the server stores it once. No DOM and no socket in here.
//
// Several messages of a room are in flight at once, and still keep their order: each names the one it `follows`, and the
// server refuses it (`out_of_order`) while that one is not stored. After a temporary refusal nothing is sent until all that
// was in flight is answered; then sending begins again with a window of one, which grows with each ack.

import { outboxItem, readJson } from "./storage-readers.js";

const OWNER_GONE_MS = 150_000;
const RELEASED = 0; // `touched` of a row that any tab may adopt at once
const MAX_TRIES = 4;
const MAX_PAUSE_MS = 30_000;
const MAX_IN_FLIGHT = 50; // of one room
const TEMPORARY = new Set(["too_fast", "slow_mode", "storage", "broken", "not_member", "out_of_order"]);
const SHOWN_PAUSE_MS = 1_500; // a shorter one needs no words
const MAX_HELD_MS = 60_000; // for which a message waits after a refusal with `retry_after`; past that the person decides

export class Outbox {
  /**
   * storage: {get, set, remove, keys}; ask(verb, payload) -> Promise of the ack; stored(room, message) takes a
   * confirmed message; lost(room): the server has no subscription of ours to that room; tab: this tab's name, see tab.js;
   * files: what uploads the files of messages ({ready, forgetUpload}); dropped(item): a message with a file is no longer here.
   */
  constructor({ storage, ask, wait, now, newId, tab, changed = () => {}, stored, lost, files, dropped = () => {} }) {
    Object.assign(this, { storage, ask, wait, now, newId, tab, changed, stored, lost, files, dropped });
    this.rows = new Map();
    this.queues = new Map();
    this.nth = 0;
    this.generation = 0;
  }

  /** The unconfirmed messages of a room, in the order in which they were written. */
  items(room) {
    return [...(this.queues.get(room)?.items ?? [])];
  }

  rooms() {
    return new Set([...this.rows.values()].map(({ room }) => room));
  }

  /** reply_to: the seq of the message it replies to, if any; file: what attachments.js keeps of a file that goes with it. */
  add(room, text, reply_to, file) {
    const item = { id: this.newId(), room, text, reply_to, file, at: this.now(), nth: this.nth + 1, tab: this.tab };
    this.enqueue({ ...item, state: "waiting", tries: 0 });
    this.pump(room);
    return item.id;
  }

  /** The room is joined and caught up: its messages may be sent. */
  open(room) {
    const queue = Object.assign(this.queue(room), { isOpen: true, window: MAX_IN_FLIGHT });
    this.resume(room, queue);
  }

  /** The connection is down. */
  pause() {
    this.generation += 1;
    for (const queue of this.queues.values()) Object.assign(queue, { isOpen: false, isDraining: false, isPaused: false });
    for (const item of this.rows.values()) {
      if (item.state !== "failed") Object.assign(item, { state: "waiting", sentence: undefined, pause: undefined, until: undefined });
    }
  }

  /** The person is no longer in the room: what waits for it stays, and is not sent. */
  close(room) {
    const queue = this.queues.get(room);
    if (queue) queue.isOpen = false;
  }

  /** The message is in the log, as an ack, an event, catch-up or another tab has shown. */
  settle(id) {
    const item = this.rows.get(id);
    if (!item) return;
    this.drop(item);
    this.changed(item.room);
  }

  retry(id) {
    const item = this.rows.get(id);
    if (item?.state !== "failed") return;
    if (item.error === "id_reused") this.rename(item);
    Object.assign(item, { state: "waiting", tries: 0, pause: undefined, error: undefined, sentence: undefined });
    this.save(item.id);
    this.changed(item.room);
    this.pump(item.room);
  }

  /** Takes a failed message out again; answers it. */
  take(id) {
    const item = this.rows.get(id);
    if (item?.state !== "failed") return null;
    this.drop(item, { keepsFile: true });
    this.changed(item.room);
    return item;
  }

  /** Takes out a message whose file is still being uploaded; answers it. */
  cancel(id) {
    const item = this.rows.get(id);
    if (!item?.file || item.file.id) return null;
    this.settle(id);
    this.pump(item.room); // what was written after it
    return item;
  }

  /** Does a message here carry this file? */
  holds(key) {
    return [...this.rows.values()].some(({ file }) => file?.key === key);
  }

  /** Adopts the rows that this tab left before a reload, and those of closed tabs. alive: the open tabs, where known. */
  adopt(alive = null) {
    for (const key of this.storage.keys("outbox:")) {
      const item = readJson(this.storage, key, outboxItem);
      if (!item || key !== `outbox:${item.id}` || this.rows.has(item.id) || !this.mayAdopt(item, alive)) continue;
      this.enqueue({ ...item, tab: this.tab, state: item.error ? "failed" : "waiting", tries: 0 });
    }
    for (const room of this.rooms()) this.pump(room);
  }

  /** Called every now and then: shows other tabs that these rows have an owner. */
  touch() {
    for (const item of this.rows.values()) this.save(item.id);
  }

  /** The page is being closed: another tab may adopt the rows at once. */
  release() {
    for (const item of this.rows.values()) this.save(item.id, RELEASED);
  }

  /** Another tab removed the row: it saw the message in the log, or took it back. */
  removedElsewhere(id) {
    const item = this.rows.get(id);
    if (!item || item.state === "sending") return;
    this.discard(item);
    this.changed(item.room);
  }

  queue(room) {
    const isNew = !this.queues.has(room);
    if (isNew) this.queues.set(room, { items: [], isOpen: false, isDraining: false, isPaused: false, window: MAX_IN_FLIGHT });
    return this.queues.get(room);
  }

  enqueue(item) {
    const { items } = this.queue(item.room);
    let at = items.length;
    while (at > 0 && byOrder(items[at - 1], item) > 0) at -= 1;
    items.splice(at, 0, item);
    this.rows.set(item.id, item);
    this.nth = Math.max(this.nth, item.nth);
    this.save(item.id);
    this.changed(item.room);
  }

  /** Sends what the window allows, each message after the one before it. */
  pump(room) {
    const queue = this.queue(room);
    if (!queue.isOpen || queue.isDraining) return;
    let [previous, inFlight] = [null, 0];
    for (const item of this.items(room)) {
      if (item.state === "failed") continue;
      if (inFlight >= queue.window) break;
      if (item.file && !item.file.id) {
        this.awaitFile(item);
        break; // what was written after it follows it
      }
      if (item.state === "waiting") this.deliver(item, previous, queue);
      previous = item;
      inFlight += 1;
    }
  }

  /** Until its file is uploaded, whatever becomes of the connection meanwhile. */
  async awaitFile(item) {
    if (item.isAwaited) return;
    item.isAwaited = true;
    const { key } = item.file;
    const answer = await this.files.ready(key);
    item.isAwaited = false;
    if (this.rows.get(item.id) !== item || item.file.key !== key) return;
    if (!answer.ok) {
      this.fail(item, answer);
    } else {
      item.file = { ...item.file, id: answer.file.id, sent: answer.file };
      this.save(item.id);
      this.changed(item.room);
    }
    this.pump(item.room);
  }

  async deliver(item, previous, queue) {
    const { generation } = this;
    const { room, text, id, reply_to, file } = item;
    Object.assign(item, { state: "sending", until: undefined });
    const more = { ...(file && { file: file.id }), ...(reply_to && { reply_to }), ...(previous && { follows: previous.id }) };
    const payload = { room, text, id, ...more };
    const ack = await this.ask("send", payload).catch(() => null);
    if (ack?.ok) this.confirm(item, ack.message, queue);
    else if (generation === this.generation && this.rows.has(id)) this.refuse(item, ack, queue);
    if (generation === this.generation) this.resume(room, queue);
  }

  confirm(item, message, queue) {
    this.drop(item);
    queue.window = Math.min(queue.window + 1, MAX_IN_FLIGHT);
    this.stored(item.room, message);
    this.changed(item.room);
  }

  refuse(item, ack, queue) {
    const isLost = ack?.error === "no_such_file" && item.file && ++item.tries < MAX_TRIES;
    if (isLost) this.uploadAgain(item);
    if (ack && !isLost && !isTemporary(ack)) {
      this.fail(item, ack);
      return;
    }
    const isFirst = queue.items.find(({ state }) => state !== "failed") === item;
    item.state = "waiting";
    queue.isDraining = true;
    queue.window = 1;
    if (isLost) return;
    if (ack?.error === "not_member") this.lostRoom(item.room, queue);
    else if (isFirst) this.pauseAfter(item, ack, queue); // the others are refused because of it
  }

  /** The server has its file no longer: it was never sent for a day, or the database is another one. */
  async uploadAgain(item) {
    const { key } = item.file;
    item.file = { ...item.file, id: undefined, sent: undefined };
    item.isAwaited = true;
    await this.files.forgetUpload(key);
    item.isAwaited = false;
    this.pump(item.room);
  }

  fail(item, { error, text }) {
    Object.assign(item, { state: "failed", error, sentence: text, until: undefined });
    this.save(item.id);
    this.changed(item.room);
  }

  async pauseAfter(item, ack, queue) {
    const { generation } = this;
    const pause = this.pauseFor(item, ack);
    if (!pause) return;
    queue.isPaused = true;
    await this.wait(pause);
    if (generation !== this.generation) return;
    queue.isPaused = false;
    this.resume(item.room, queue);
  }

  /** In ms; 0 where it can be sent again at once, or has failed for good. */
  pauseFor(item, ack) {
    if (!ack) return 1_000;
    if (["too_fast", "slow_mode", "too_many"].includes(ack.error)) return this.waitForTurn(item, ack);
    if (ack.error === "storage") return this.waitForStore(item, ack);
    if (ack.error !== "broken") return 0;
    if (++item.tries < MAX_TRIES) return 500 * 2 ** item.tries;
    this.fail(item, ack);
    return 0;
  }

  /** The person sends faster than the room takes it: the message goes out `until` then, and shows why it waits. */
  waitForTurn(item, { text, retry_after = 1 }) {
    const pause = retry_after * 1_000;
    if (pause >= SHOWN_PAUSE_MS) {
      Object.assign(item, { sentence: text, until: this.now() + pause });
      this.changed(item.room);
    }
    return pause;
  }

  /** The server cannot store at present: the message waits as for a connection, and shows why. */
  waitForStore(item, { text, retry_after = 0 }) {
    item.pause = Math.min(Math.max(2 * (item.pause ?? 500), retry_after * 1_000), MAX_PAUSE_MS);
    item.sentence = text;
    this.changed(item.room);
    return item.pause;
  }

  /** Goes on once all that was in flight is answered and the pause is over. */
  resume(room, queue) {
    if (queue.isPaused) return;
    if (queue.isDraining && queue.items.some(({ state }) => state === "sending")) return;
    queue.isDraining = false;
    this.pump(room);
  }

  lostRoom(room, queue) {
    if (!queue.isOpen) return;
    queue.isOpen = false;
    this.lost(room);
  }

  rename(item) {
    this.rows.delete(item.id);
    this.storage.remove(`outbox:${item.id}`);
    item.id = this.newId();
    this.rows.set(item.id, item);
  }

  drop(item, { keepsFile = false } = {}) {
    this.discard(item);
    this.storage.remove(`outbox:${item.id}`);
    if (item.file && !keepsFile) this.dropped(item);
  }

  discard(item) {
    const { items } = this.queue(item.room);
    const at = items.indexOf(item);
    if (at >= 0) items.splice(at, 1);
    this.rows.delete(item.id);
  }

  save(id, touched = this.now()) {
    const { room, text, reply_to, file, at, nth, tab, error, sentence } = this.rows.get(id);
    const row = { id, room, text, reply_to, file, at, nth, tab, error, sentence: error && sentence, touched };
    this.storage.set(`outbox:${id}`, JSON.stringify(row));
  }

  mayAdopt({ tab, touched }, alive) {
    if (tab === this.tab || touched === RELEASED) return true;
    return alive ? !alive.has(tab) : Math.abs(this.now() - touched) > OWNER_GONE_MS;
  }
}

/** Whether the same may be sent again, and soon: `too_many` passes by itself where it says when. */
function isTemporary({ error, retry_after }) {
  if (retry_after * 1000 > MAX_HELD_MS) return false;
  return TEMPORARY.has(error) || (error === "too_many" && retry_after > 0);
}

/** The wall clock may be set back: within one tab the counter decides. */
function byOrder(one, other) {
  return one.tab === other.tab && one.nth !== other.nth ? one.nth - other.nth : one.at - other.at;
}

/** Not guessable; over plain http too, where there is no crypto.randomUUID (secure contexts only). */
export function newId(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID();
  return Array.from(source.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
