// What one has said and the server has not yet confirmed. It outlives the page: every item is a row of its own in the
// browser's storage, so two tabs never overwrite each other. No ack means unknown, so an item goes out again with the same
// id until there is an answer; the server says it once. No DOM and no socket in here.

const OWNER_GONE = 150_000;
const RELEASED = 0;
const TRIES = 4;
const LONGEST_PAUSE = 30_000;

export class Outbox {
  /**
   * storage: {get, set, remove, keys}; ask(verb, payload) -> Promise of the ack; said(room, message) takes the confirmed
   * words; lost(room) hears that the server does not see us in that room; tab names this tab through its reloads.
   */
  constructor({ storage, ask, wait, now, newId, tab, changed = () => {}, said, lost }) {
    Object.assign(this, { storage, ask, wait, now, newId, tab, changed, said, lost });
    this.rows = new Map();
    this.ready = new Set();
    this.lanes = new Set();
    this.turn = 0;
  }

  /** What is still to be confirmed in a room, in the order in which it was said. */
  items(room) {
    return [...this.rows.values()].filter((item) => item.room === room).sort(bySaying);
  }

  rooms() {
    return new Set([...this.rows.values()].map(({ room }) => room));
  }

  /** reply_to: the seq it answers, if any. */
  add(room, text, reply_to) {
    const item = { id: this.newId(), room, text, reply_to, at: this.now(), nth: this.nextPlace(), tab: this.tab };
    this.rows.set(item.id, { ...item, state: "waiting", tries: 0 });
    this.keep(item.id);
    this.changed(room);
    this.run(room);
    return item.id;
  }

  /** The room is joined and caught up: its words may go. */
  open(room) {
    this.ready.add(room);
    this.run(room);
  }

  /** The connection is gone. */
  pause() {
    this.turn += 1;
    this.ready.clear();
    this.lanes.clear();
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
    this.run(item.room);
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
      const item = parsed(this.storage.get(key));
      if (!item || this.rows.has(item.id) || !this.mayAdopt(item, alive)) continue;
      this.rows.set(item.id, { ...item, tab: this.tab, state: item.error ? "failed" : "waiting", tries: 0 });
      this.keep(item.id);
      this.changed(item.room);
      this.run(item.room);
    }
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
    this.rows.delete(id);
    this.changed(item.room);
  }

  async run(room) {
    if (this.lanes.has(room)) return;
    const turn = this.turn;
    this.lanes.add(room);
    while (turn === this.turn && this.ready.has(room)) {
      const item = this.items(room).find(({ state }) => state !== "failed");
      if (!item) break;
      await this.deliver(item, turn);
    }
    if (turn === this.turn) this.lanes.delete(room);
  }

  async deliver(item, turn) {
    item.state = "sending";
    const { room, text, id, reply_to } = item;
    const ack = await this.ask("send", { room, text, id, ...(reply_to && { reply_to }) }).catch(() => null);
    if (ack?.ok) return this.confirm(item, ack.message);
    if (turn !== this.turn || !this.rows.has(id)) return undefined;
    item.state = "waiting";
    if (!ack) return this.wait(1_000);
    return this.refuse(item, ack);
  }

  confirm(item, message) {
    this.drop(item);
    this.said(item.room, message);
    this.changed(item.room);
  }

  refuse(item, ack) {
    if (ack.error === "too_fast") return this.wait((ack.retry_after ?? 1) * 1_000);
    if (ack.error === "not_member") return this.standBack(item.room);
    if (ack.error === "storage") return this.hold(item, ack);
    if (ack.error === "broken" && ++item.tries < TRIES) return this.wait(500 * 2 ** item.tries);
    Object.assign(item, { state: "failed", error: ack.error, sentence: ack.text });
    this.keep(item.id);
    this.changed(item.room);
    return undefined;
  }

  /** The store is away, and the words are as good as before: they wait for it as for a connection, and tell why. */
  hold(item, { text, retry_after = 0 }) {
    item.pause = Math.min(Math.max(2 * (item.pause ?? 500), retry_after * 1_000), LONGEST_PAUSE);
    item.sentence = text;
    this.changed(item.room);
    return this.wait(item.pause);
  }

  standBack(room) {
    this.ready.delete(room);
    this.lost(room);
  }

  rename(item) {
    this.drop(item);
    item.id = this.newId();
    this.rows.set(item.id, item);
  }

  drop(item) {
    this.rows.delete(item.id);
    this.storage.remove(`outbox:${item.id}`);
  }

  keep(id, touched = this.now()) {
    const { room, text, reply_to, at, nth, tab, error, sentence } = this.rows.get(id);
    const row = { id, room, text, reply_to, at, nth, tab, error, sentence: error && sentence, touched };
    this.storage.set(`outbox:${id}`, JSON.stringify(row));
  }

  mayAdopt({ tab, touched }, alive) {
    if (tab === this.tab || touched === RELEASED) return true;
    return alive ? !alive.has(tab) : this.now() - touched > OWNER_GONE;
  }

  nextPlace() {
    return Math.max(0, ...[...this.rows.values()].map(({ nth }) => nth)) + 1;
  }
}

/** The wall clock may jump back, so within one moment and one tab the count decides. */
function bySaying(one, other) {
  return one.tab === other.tab && one.nth !== other.nth ? one.nth - other.nth : one.at - other.at;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Unguessable, and made also where the page came over plain http (crypto.randomUUID is for secure contexts only). */
export function newId(source = globalThis.crypto) {
  if (source.randomUUID) return source.randomUUID();
  return Array.from(source.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
