// One room as this browser holds it. Whatever brings a message ends in apply(): the first page, a live event, history,
// catch-up, an edit, a tombstone. No DOM and no socket in here: `ask`, `wait` and `changed` are handed in.
//
// Two numbers carry it. `rev`: every change up to it is known here. `floor`: every message from that seq on is held here;
// what changes below it is put aside until history brings its neighbours.

import { Presence } from "./presence.js";

const GAP_PATIENCE = 300;
const PASSING = new Set(["too_fast", "storage", "broken"]);

export class Room {
  /** ask(verb, payload) -> Promise of the ack; wait(ms) -> Promise; changed(room, what, detail) tells the views. */
  constructor(name, { ask, wait, changed = () => {}, now = Date.now }) {
    this.name = name;
    this.topic = "";
    this.keep = {};
    this.stage = "away";
    this.held = new Map();
    this.turn = 0;
    this.era = 0;
    this.ask = ask;
    this.wait = wait;
    this.tell = (what, detail) => changed(this, what, detail);
    this.presence = new Presence({ wait, now, changed: (what) => this.tell(what) });
    this.forget();
  }

  get hasOlder() {
    return this.rev !== null && this.floor > 1;
  }

  get latest() {
    return this.messages.at(-1);
  }

  /** Takes a seat and catches up. Answers the ack that refused it or let it in; null where the connection went away. */
  async join(nickname) {
    const turn = this.turnOver("joining");
    let ack = await this.insist(turn, "join", () => this.wish(nickname));
    if (ack?.ok && this.isStrange(ack)) {
      this.forget();
      if (!ack.reset) ack = await this.insist(turn, "join", () => this.wish(nickname));
    }
    if (!ack || turn !== this.turn) return null;
    if (!ack.ok) {
      this.stage = "refused";
      return ack;
    }
    this.seat(ack);
    await this.catchUp(turn, this.take(ack, ack.room.rev));
    return turn === this.turn ? ack : null;
  }

  /** The connection is gone: what was under way belongs to the past. */
  away() {
    this.turnOver("away");
    this.held.clear();
    this.fetching = false;
  }

  /** A live event, or the ack of one's own words. */
  hear(message) {
    if (this.stage !== "live" || message.rev > this.rev + 1) {
      this.held.set(message.rev, message);
      if (this.stage === "live") this.mendSoon();
      return;
    }
    this.apply(message);
    this.rev = Math.max(this.rev, message.rev);
    this.drain();
  }

  /** The one end of every path. The same message again, or an older look of it, changes nothing. */
  apply(message) {
    if (message.seq < this.floor) return this.putAside(message);
    const at = this.placeOf(message.seq);
    const known = this.messages[at]?.seq === message.seq ? this.messages[at] : undefined;
    if (known && known.rev >= message.rev) return;
    this.messages.splice(at, known ? 1 : 0, message);
    if (!known) this.presence.spoke(message.nickname);
    this.tell("message", { message, at, known });
  }

  /** The message with this seq, where it is held here. */
  find(seq) {
    const message = this.messages[this.placeOf(seq)];
    return message?.seq === seq ? message : undefined;
  }

  /** One page of older messages above what is held. */
  async older() {
    if (!this.hasOlder || this.fetching || this.stage !== "live") return false;
    this.fetching = true;
    const { era, floor } = this;
    const ack = await this.ask("history", { room: this.name, before: floor }).catch(() => null);
    if (era !== this.era) return false;
    this.fetching = false;
    if (!ack?.ok) return false;
    this.prepend(ack);
    return true;
  }

  /** What the server tells of the room itself. */
  describe({ topic, keep }) {
    this.topic = topic ?? "";
    this.keep = keep ?? {};
    this.tell("room");
  }

  /** Lets go of the oldest, so that a room open for a week stays light; history brings them back. */
  trim(keep) {
    if (this.messages.length <= keep) return;
    this.messages.splice(0, this.messages.length - keep);
    this.floor = this.messages[0].seq;
    this.newEra();
    this.tell("trimmed");
  }

  forget() {
    this.messages = [];
    this.aside = new Map();
    this.epoch = null;
    this.rev = null;
    this.floor = 1;
    this.newEra();
  }

  /** A history page that was asked for before this must not be mixed in: it may be older than what was let go of. */
  newEra() {
    this.era += 1;
    this.fetching = false;
  }

  turnOver(stage) {
    this.stage = stage;
    this.turn += 1;
    return this.turn;
  }

  wish(nickname) {
    const wish = { room: this.name };
    if (this.rev !== null) Object.assign(wish, { after: this.rev, epoch: this.epoch });
    if (nickname) wish.nickname = nickname;
    return wish;
  }

  /** Another database answers than the one our numbers came from (restored, or begun anew). */
  isStrange({ room }) {
    return this.rev !== null && (room.epoch !== this.epoch || room.rev < this.rev);
  }

  seat({ room, people, count }) {
    this.epoch = room.epoch;
    this.presence.seat(people, count);
    this.describe(room);
  }

  /** Takes one page in; answers whether more of them wait. */
  take(page, rev) {
    if (page.reset || this.rev === null) {
      this.restart(page.messages, rev);
      return false;
    }
    const more = page.more && page.messages.length > 0;
    for (const message of page.messages) this.apply(message);
    this.rev = Math.max(this.rev, more ? page.messages.at(-1).rev : rev);
    return more;
  }

  async catchUp(turn, more) {
    while (more && turn === this.turn) {
      const ack = await this.insist(turn, "sync", () => ({ room: this.name, after: this.rev, epoch: this.epoch }));
      if (!ack || turn !== this.turn) return;
      if (ack.error === "not_member") {
        await this.join();
        return;
      }
      if (!ack.ok) {
        this.held.clear();
        return;
      }
      more = this.take(ack, ack.rev);
    }
    if (turn !== this.turn) return;
    this.stage = "live";
    this.drain();
    this.tell("live");
  }

  restart(messages, rev) {
    const beyond = this.messages.filter((message) => message.rev > rev);
    this.newEra();
    this.aside.clear();
    this.messages = [...messages].sort((one, other) => one.seq - other.seq);
    this.floor = this.messages[0]?.seq ?? 1;
    this.rev = rev;
    for (const message of beyond) this.held.set(message.rev, message);
    this.tell("reset");
  }

  drain() {
    for (const rev of [...this.held.keys()].sort((one, other) => one - other)) {
      if (rev > this.rev + 1) break;
      const message = this.held.get(rev);
      this.held.delete(rev);
      this.apply(message);
      this.rev = Math.max(this.rev, rev);
    }
    if (this.held.size > 0) this.mendSoon();
  }

  /** A number is missing. It is mostly on its way; what has not come after a moment is asked for. */
  async mendSoon() {
    const turn = this.turn;
    if (this.mending === turn) return;
    this.mending = turn;
    await this.wait(GAP_PATIENCE);
    if (this.mending === turn) this.mending = null;
    await this.catchUp(turn, this.held.size > 0);
  }

  /** Asks until there is an answer that means something, or the connection is another one. */
  async insist(turn, verb, payload) {
    for (let pause = 500; turn === this.turn; pause = Math.min(pause * 2, 10_000)) {
      const ack = await this.ask(verb, payload()).catch(() => null);
      if (ack && !PASSING.has(ack.error)) return ack;
      if (turn === this.turn) await this.wait(ack?.retry_after ? ack.retry_after * 1000 : pause);
    }
    return null;
  }

  prepend({ messages, more }) {
    const older = messages.filter((message) => message.seq < this.floor).map((message) => this.newest(message));
    this.messages.unshift(...older);
    this.floor = more && older.length > 0 ? older[0].seq : 1;
    this.tell("older", older);
  }

  newest(message) {
    const changed = this.aside.get(message.seq);
    this.aside.delete(message.seq);
    return changed && changed.rev > message.rev ? changed : message;
  }

  putAside(message) {
    const known = this.aside.get(message.seq);
    if (!known || known.rev < message.rev) this.aside.set(message.seq, message);
  }

  /** Where this seq is, or would be. Most are the newest, so the search starts at the end. */
  placeOf(seq) {
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1].seq >= seq) at -= 1;
    return at;
  }
}
