// One room as this browser holds it. Whatever brings a message ends in apply(): the first page, a live event, history,
// catch-up, an edit, a reaction, a tombstone. No DOM and no socket in here: `ask`, `wait` and `changed` are handed in.
//
// `rev`: every change up to it is known here. Two parts of the log are held: the `tail`, up to the newest message, and the
// one that is `shown`. They are the same until one reads so far back that the newest rows are let go of (`keepOldest`);
// coming down again (`newer`) joins them. What changes in neither is put aside until history brings its neighbours.

import { MessageRange } from "./message-range.js";
import { Presence } from "./presence.js";
import { OwnReactions, withReaction } from "./reaction-state.js";

const GAP_PATIENCE = 300;
const PASSING = new Set(["too_fast", "storage", "broken"]);
const TAIL = 100; // messages that stay of the tail while one reads far from it
const ASKED_AT_ONCE = 100; // messages whose reactions are asked about in one question
const MOST = 400; // messages of the tail, whether or not anybody looks

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

  /** Those up to the newest. */
  get messages() {
    return this.tail.messages;
  }

  get floor() {
    return this.tail.floor;
  }

  get hasOlder() {
    return this.rev !== null && this.shown.floor > 1;
  }

  /** Is the newest message among those that are shown? */
  get isAtEnd() {
    return this.shown === this.tail;
  }

  get latest() {
    return lastOf(this.messages);
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

  /** A live event, or the ack of one's own words: a message, or a reaction to one. */
  hear(change) {
    if (this.stage !== "live" || change.rev > this.rev + 1) {
      this.held.set(change.rev, change);
      if (this.stage === "live") this.mendSoon();
      return;
    }
    this.applyChange(change);
    this.rev = Math.max(this.rev, change.rev);
    this.drain();
  }

  /** One's own reaction, from this tab or another. */
  reacted({ seq, emoji, on, rev }) {
    this.own.note(seq, emoji, on, rev);
    this.tellAgain(seq);
  }

  /** Asks which of the reactions that are held are one's own, where that is not known. */
  async learnOwn() {
    if (this.learning) return;
    this.learning = true;
    for (let seqs = this.unknownOwn(); this.stage === "live" && seqs.length > 0; seqs = this.unknownOwn()) {
      const { own } = this;
      const ack = await this.ask("reacted", { room: this.name, seqs }).catch(() => null);
      if (!ack?.ok) break; // it is asked again with the next page, or on the next line
      own.learn(seqs, ack.mine, ack.rev);
      for (const seq of seqs) this.tellAgain(seq);
    }
    this.learning = false;
  }

  /** One is somebody else from now on. */
  forgetOwn() {
    this.own = new OwnReactions();
    this.learnOwn();
  }

  /** The one end of every path. The same message again, or an older look of it, changes nothing. */
  apply(message) {
    const range = [this.tail, this.shown].find((one) => one.holds(message.seq));
    if (!range) {
      this.putAside(message);
      return;
    }
    const change = range.apply(message);
    if (!change) return;
    this.own.see(message);
    if (!change.known) this.presence.spoke(message.nickname);
    this.tell("message", { message, ...change });
    if (this.messages.length > MOST) this.lighten();
  }

  /** A reaction to a message that is not held here counts only where a page is on its way that may be older. */
  applyChange(change) {
    if (!change.emoji) return this.apply(change);
    const message = this.find(change.seq);
    if (message) this.apply(withReaction(message, change));
    else if (this.fetching) this.asideReactions.push(change);
  }

  /** The message with this seq, where it is held here. */
  find(seq) {
    return this.tail.find(seq) ?? this.shown.find(seq);
  }

  /** Where this seq is, or would be, among `messages`. */
  placeOf(seq) {
    return this.tail.placeOf(seq);
  }

  /** One page of older messages above what is shown. */
  async older() {
    if (!this.hasOlder) return false;
    const ack = await this.fetch({ before: this.shown.floor });
    if (!ack) return false;
    const older = ack.messages.filter(({ seq }) => seq < this.shown.floor).map((message) => this.newest(message));
    this.shown.prepend(older, ack.more);
    this.tell("shown");
    this.learnOwn();
    return true;
  }

  /** One page of newer messages below what is shown, where that is not the end. */
  async newer() {
    if (this.isAtEnd) return false;
    const { ceiling } = this.shown;
    const ack = this.reachesTail(ceiling) ? { messages: [], more: false } : await this.fetch({ after: ceiling });
    if (!ack) return false;
    const between = ack.messages.filter(({ seq }) => seq > ceiling && seq < this.floor);
    if (between.length > 0) this.shown.append(between.map((message) => this.newest(message)));
    if (!ack.more || this.reachesTail(lastOf(ack.messages)?.seq)) this.merge();
    this.tell("shown");
    this.learnOwn();
    return true;
  }

  /** Back to the newest ones. */
  showLatest() {
    if (this.isAtEnd) return;
    this.shown = this.tail;
    this.newEra();
    this.tell("shown");
  }

  /** Lets go of the newest that are shown, for one who reads far back; newer() brings them again. */
  keepOldest(count) {
    if (this.shown.messages.length <= count) return;
    if (this.isAtEnd) this.split(count);
    else this.shown = this.shown.oldest(count);
    this.newEra();
    this.tell("shown");
  }

  /** What the server tells of the room itself. */
  describe({ topic, keep }) {
    this.topic = topic ?? "";
    this.keep = keep ?? {};
    this.tell("room");
  }

  /** Lets go of the oldest that are shown, so that a room open for a week stays light; history brings them back. */
  trim(count) {
    if (this.shown.messages.length <= count) return;
    this.shown.keepNewest(count);
    this.newEra();
    this.tell("shown");
  }

  forget() {
    this.tail = new MessageRange();
    this.shown = this.tail;
    this.aside = new Map();
    this.asideReactions = [];
    this.own = new OwnReactions();
    this.epoch = null;
    this.rev = null;
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
    for (const message of page.messages) {
      this.own.doubt(message.seq);
      this.apply(message);
    }
    this.rev = Math.max(this.rev, more ? lastOf(page.messages).rev : rev);
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
    this.learnOwn();
  }

  restart(messages, rev) {
    const beyond = this.messages.filter((message) => message.rev > rev);
    this.newEra();
    this.aside.clear();
    this.own = new OwnReactions();
    this.tail = new MessageRange([...messages].sort((one, other) => one.seq - other.seq));
    this.shown = this.tail;
    this.rev = rev;
    for (const message of beyond) this.held.set(message.rev, message);
    this.tell("reset");
  }

  drain() {
    for (const rev of [...this.held.keys()].sort((one, other) => one - other)) {
      if (rev > this.rev + 1) break;
      const change = this.held.get(rev);
      this.held.delete(rev);
      this.applyChange(change);
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

  /** A page of history; null where there is none, or where other messages are shown by the time it comes. */
  async fetch(where) {
    if (this.fetching || this.stage !== "live") return null;
    this.fetching = true;
    this.asideReactions = [];
    const { era } = this;
    const ack = await this.ask("history", { room: this.name, ...where }).catch(() => null);
    if (era !== this.era) return null;
    this.fetching = false;
    return ack?.ok ? ack : null;
  }

  reachesTail(seq) {
    return seq >= this.floor - 1;
  }

  /** What is shown reaches the tail: the two are one again. */
  merge() {
    const { shown, tail } = this;
    this.tail = new MessageRange([...shown.messages, ...tail.messages], { floor: shown.floor });
    this.shown = this.tail;
  }

  /** The oldest stay shown, the tail is what is newest; the two never hold the same message. */
  split(count) {
    this.shown = this.tail.oldest(count);
    this.tail.keepNewest(Math.min(TAIL, this.messages.length - count));
  }

  /** Many came while nobody looked, or looked elsewhere. */
  lighten() {
    if (this.isAtEnd) this.split(this.messages.length - TAIL);
    else this.tail.keepNewest(TAIL);
    this.newEra();
    this.tell("shown");
  }

  newest(message) {
    const changed = this.aside.get(message.seq);
    this.aside.delete(message.seq);
    const reactions = this.asideReactions.filter(({ seq }) => seq === message.seq);
    const base = changed && changed.rev > message.rev ? changed : message;
    const now = reactions.reduce((known, change) => (known.rev < change.rev ? withReaction(known, change) : known), base);
    this.own.see(now);
    return now;
  }

  unknownOwn() {
    return this.own.unknown([...new Set([...this.shown.messages, ...this.messages])]).slice(-ASKED_AT_ONCE);
  }

  tellAgain(seq) {
    const message = this.find(seq);
    if (message) this.tell("message", { message, known: message });
  }

  putAside(message) {
    const known = this.aside.get(message.seq);
    if (!known || known.rev < message.rev) this.aside.set(message.seq, message);
  }
}

function lastOf(list) {
  return list[list.length - 1];
}
