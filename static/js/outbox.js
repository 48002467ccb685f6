// What one has said and the server has not yet confirmed. It outlives the page: every item is a row of its own in the
// browser's storage, so two tabs never overwrite each other. No ack means unknown, so an item goes out again with the same
// id until there is an answer; the server says it once. No DOM and no socket in here.
//
// Of each room several are in flight at once, and still nothing overtakes: each names the one it `follows`, and the server
// refuses it (`out_of_order`) where that one is not stored. After a refusal that will pass, nothing goes until all that was
// in flight has come back; then it begins again with one at a time, and with one more for each that is confirmed.

import { outboxItem, readJson } from "./stored.js";

const OWNER_GONE = 150_000;
const RELEASED = 0;
const TRIES = 4;
const LONGEST_PAUSE = 30_000;
const IN_FLIGHT = 50; // at most, of one room
const PASSING = new Set(["too_fast", "storage", "broken", "not_member", "out_of_order"]);

export class Outbox {
  /**
   * storage: {get, set, remove, keys}; ask(verb, payload) -> Promise of the ack; said(room, message) takes the confirmed
   * words; lost(room) hears that the server does not see us in that room; tab names this tab through its reloads.
   */
  constructor({ storage, ask, wait, now, newId, tab, changed = () => {}, said, lost }) {
    Object.assign(this, { storage, ask, wait, now, newId, tab, changed, said, lost });
    this.rows = new Map();
    this.queues = new Map();
    this.nth = 0;
    this.generation = 0;
  }

  /** What is still to be confirmed in a room, in the order in which it was said. */
  items(room) {
    return [...(this.queues.get(room)?.items ?? [])];
  }

  rooms() {
    return new Set([...this.rows.values()].map(({ room }) => room));
  }

  /** reply_to: the seq it answers, if any. */
  add(room, text, reply_to) {
    const item = { id: this.newId(), room, text, reply_to, at: this.now(), nth: this.nth + 1, tab: this.tab };
    this.enqueue({ ...item, state: "waiting", tries: 0 });
    this.pump(room);
    return item.id;
  }

  /** The room is joined and caught up: its words may go. */
  open(room) {
    const queue = Object.assign(this.queue(room), { isOpen: true, window: IN_FLIGHT });
    this.goOn(room, queue);
  }

  /** The connection is gone. */
  pause() {
    this.generation += 1;
    for (const queue of this.queues.values()) Object.assign(queue, { isOpen: false, isResting: false, isPaused: false });
    for (const item of this.rows.values()) {
      if (item.state !== "failed") Object.assign(item, { state: "waiting", sentence: undefined, pause: undefined });
    }
  }

  /** It stands in the log (whoever told us: ack, event, catch-up, another tab). */
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
    this.keep(item.id);
    this.changed(item.room);
    this.pump(item.room);
  }

  /** Takes it back out, unsaid; answers it. */
  take(id) {
    const item = this.rows.get(id);
    if (item?.state !== "failed") return null;
    this.settle(id);
    return item;
  }

  /** Takes in what an earlier life of this tab left, or a tab that is no more. alive: the tabs that are, where known. */
  adopt(alive = null) {
    for (const key of this.storage.keys("outbox:")) {
      const item = readJson(this.storage, key, outboxItem);
      if (!item || key !== `outbox:${item.id}` || this.rows.has(item.id) || !this.mayAdopt(item, alive)) continue;
      this.enqueue({ ...item, tab: this.tab, state: item.error ? "failed" : "waiting", tries: 0 });
    }
    for (const room of this.rooms()) this.pump(room);
  }

  /** Tells other tabs now and then that somebody still looks after these. */
  touch() {
    for (const item of this.rows.values()) this.keep(item.id);
  }

  /** This page is going: whoever comes next may take these over at once. */
  release() {
    for (const item of this.rows.values()) this.keep(item.id, RELEASED);
  }

  /** Another tab removed the row: it has seen the words in the log, or took them back. */
  gone(id) {
    const item = this.rows.get(id);
    if (!item || item.state === "sending") return;
    this.forget(item);
    this.changed(item.room);
  }

  queue(room) {
    const isNew = !this.queues.has(room);
    if (isNew) this.queues.set(room, { items: [], isOpen: false, isResting: false, isPaused: false, window: IN_FLIGHT });
    return this.queues.get(room);
  }

  enqueue(item) {
    const { items } = this.queue(item.room);
    let at = items.length;
    while (at > 0 && bySaying(items[at - 1], item) > 0) at -= 1;
    items.splice(at, 0, item);
    this.rows.set(item.id, item);
    this.nth = Math.max(this.nth, item.nth);
    this.keep(item.id);
    this.changed(item.room);
  }

  /** Sends what may go, each behind the one before it. */
  pump(room) {
    const queue = this.queue(room);
    if (!queue.isOpen || queue.isResting) return;
    let [previous, inFlight] = [null, 0];
    for (const item of this.items(room)) {
      if (item.state === "failed") continue;
      if (inFlight >= queue.window) break;
      if (item.state === "waiting") this.deliver(item, previous, queue);
      previous = item;
      inFlight += 1;
    }
  }

  async deliver(item, previous, queue) {
    const { generation } = this;
    const { room, text, id, reply_to } = item;
    item.state = "sending";
    const payload = { room, text, id, ...(reply_to && { reply_to }), ...(previous && { follows: previous.id }) };
    const ack = await this.ask("send", payload).catch(() => null);
    if (ack?.ok) this.confirm(item, ack.message, queue);
    else if (generation === this.generation && this.rows.has(id)) this.refuse(item, ack, queue);
    if (generation === this.generation) this.goOn(room, queue);
  }

  confirm(item, message, queue) {
    this.drop(item);
    queue.window = Math.min(queue.window + 1, IN_FLIGHT);
    this.said(item.room, message);
    this.changed(item.room);
  }

  refuse(item, ack, queue) {
    if (ack && !PASSING.has(ack.error)) {
      this.fail(item, ack);
      return;
    }
    const isFirst = queue.items.find(({ state }) => state !== "failed") === item;
    item.state = "waiting";
    queue.isResting = true;
    queue.window = 1;
    if (ack?.error === "not_member") this.standBack(item.room, queue);
    else if (isFirst) this.rest(item, ack, queue); // the others are refused in its wake
  }

  fail(item, { error, text }) {
    Object.assign(item, { state: "failed", error, sentence: text });
    this.keep(item.id);
    this.changed(item.room);
  }

  async rest(item, ack, queue) {
    const { generation } = this;
    const pause = this.pauseFor(item, ack);
    if (!pause) return;
    queue.isPaused = true;
    await this.wait(pause);
    if (generation !== this.generation) return;
    queue.isPaused = false;
    this.goOn(item.room, queue);
  }

  /** In ms; none where it can go again at once, or is given up. */
  pauseFor(item, ack) {
    if (!ack) return 1_000;
    if (ack.error === "too_fast") return (ack.retry_after ?? 1) * 1_000;
    if (ack.error === "storage") return this.hold(item, ack);
    if (ack.error !== "broken") return 0;
    if (++item.tries < TRIES) return 500 * 2 ** item.tries;
    this.fail(item, ack);
    return 0;
  }

  /** The store is away, and the words are as good as before: they wait for it as for a connection, and tell why. */
  hold(item, { text, retry_after = 0 }) {
    item.pause = Math.min(Math.max(2 * (item.pause ?? 500), retry_after * 1_000), LONGEST_PAUSE);
    item.sentence = text;
    this.changed(item.room);
    return item.pause;
  }

  /** Once all that was in flight has come back, and the pause is over. */
  goOn(room, queue) {
    if (queue.isPaused) return;
    if (queue.isResting && queue.items.some(({ state }) => state === "sending")) return;
    queue.isResting = false;
    this.pump(room);
  }

  standBack(room, queue) {
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

  drop(item) {
    this.forget(item);
    this.storage.remove(`outbox:${item.id}`);
  }

  forget(item) {
    const { items } = this.queue(item.room);
    const at = items.indexOf(item);
    if (at >= 0) items.splice(at, 1);
    this.rows.delete(item.id);
  }

  keep(id, touched = this.now()) {
    const { room, text, reply_to, at, nth, tab, error, sentence } = this.rows.get(id);
    const row = { id, room, text, reply_to, at, nth, tab, error, sentence: error && sentence, touched };
    this.storage.set(`outbox:${id}`, JSON.stringify(row));
  }

  mayAdopt({ tab, touched }, alive) {
    if (tab === this.tab || touched === RELEASED) return true;
    return alive ? !alive.has(tab) : Math.abs(this.now() - touched) > OWNER_GONE;
  }
}

/** The wall clock may jump back, so within one moment and one tab the count decides. */
function bySaying(one, other) {
  return one.tab === other.tab && one.nth !== other.nth ? one.nth - other.nth : one.at - other.at;
}

/** Unguessable, and made also where the page came over plain http (crypto.randomUUID is for secure contexts only). */
export function newId(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID();
  return Array.from(source.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
