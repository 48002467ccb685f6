// One room as this browser holds it. Every message goes through apply(): from the first page, a live event, history,
// catch-up, an edit, a reaction, a deletion. No DOM and no socket in here: `ask`, `wait` and `changed` are handed in.
//
// `rev`: every change up to it is known here. Two ranges of the log are held: the `tail`, up to the newest message, and the
// one that is `shown`. They are the same until somebody scrolls so far back that the newest rows are dropped (`keepOldest`);
// scrolling down again (`newer`) joins them. A change outside both is put aside until history brings the messages around it.

import { MessageRange } from "./message-range.js";
import { Presence } from "./presence.js";
import { isShut } from "./refusal.js";
import { RoomRules } from "./room-rules.js";
import { OwnReactions, withReaction } from "./reaction-state.js";

const GAP_WAIT_MS = 300;
const TEMPORARY = new Set(["too_fast", "storage", "broken"]);
const SHOWN_WAIT_S = 3; // before a join is asked for again; a shorter one needs no words
const KEPT_TAIL = 100; // messages that stay of the tail while somebody reads far above it
const REACTED_BATCH = 100; // messages in one `reacted` request
const MAX_TAIL = 400; // messages of the tail, shown or not

export class Room {
  /**
   * ask(verb, payload) -> Promise of the ack; wait(ms) -> Promise; changed(room, what, detail) tells the views; pass(name): what
   * a join says besides, as in room-key.js; now and serverNow: the time here and there.
   */
  constructor(name, { ask, wait, changed = () => {}, now = Date.now, serverNow = now, pass = () => ({}) }) {
    this.name = name;
    this.seen = undefined; // the last message that was read, as the server has it
    this.person = null; // {id, nickname} of the other one in a room of two
    this.pass = pass;
    this.rules = new RoomRules();
    this.refusal = null; // why this person is not in the room, as in room-door.js
    this.state = "disconnected";
    this.early = new Map();
    this.attempt = 0;
    this.generation = 0;
    this.ask = ask;
    this.serverNow = serverNow;
    this.wait = wait;
    this.notify = (what, detail) => changed(this, what, detail);
    this.presence = new Presence({ wait, now, changed: (what) => this.notify(what) });
    this.clear();
  }

  /** The messages of the tail. */
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

  /** Of a room of two people: the other one's nickname, as far as it is known. */
  get title() {
    if (!this.person) return undefined;
    return this.presence.people.get(this.person.id)?.nickname ?? this.person.nickname;
  }

  get topic() {
    return this.rules.topic;
  }

  get keep() {
    return this.rules.keep;
  }

  /** Joins and catches up. passphrase: the room's, where somebody typed it. Answers the ack of `join`; null where the connection went down meanwhile. */
  async join(nickname, passphrase) {
    const attempt = this.newAttempt("joining");
    let ack = await this.askUntilAnswered(attempt, "join", () => this.joinPayload(nickname, passphrase));
    if (ack?.ok && this.isOtherDatabase(ack)) {
      this.clear();
      if (!ack.reset) ack = await this.askUntilAnswered(attempt, "join", () => this.joinPayload(nickname, passphrase));
    }
    if (!ack || attempt !== this.attempt) return null;
    if (!ack.ok) {
      this.state = "refused";
      if (isShut(ack)) this.shut(ack);
      return ack;
    }
    this.joined(ack);
    await this.catchUp(attempt, this.applyPage(ack, ack.room.rev));
    return attempt === this.attempt ? ack : null;
  }

  /** The connection is down: what was under way is abandoned. */
  disconnected() {
    this.newAttempt("disconnected");
    this.early.clear();
    this.fetching = false;
  }

  /** This person may not come in, or was removed: {error, text, reason?, until?}. What is held of the room stays. */
  shut(refusal) {
    this.disconnected();
    this.state = "refused";
    this.refusal = refusal;
    this.presence.reset([], 0);
    this.notify("standing");
  }

  /** This person's role, or whether they are muted, has changed. */
  setStanding(standing) {
    this.rules.setStanding(standing);
    this.notify("standing");
  }

  /** A live event, or the ack of one's own message: a message, or a reaction to one. */
  receive(change) {
    if (this.state !== "live" || change.rev > this.rev + 1) {
      this.early.set(change.rev, change);
      if (this.state === "live") this.fillGapSoon();
      return;
    }
    this.applyChange(change);
    this.rev = Math.max(this.rev, change.rev);
    this.applyEarly();
  }

  /** One's own reaction, from this tab or another. */
  reacted({ seq, emoji, on, rev }) {
    this.own.note(seq, emoji, on, rev);
    this.notifyAgain(seq);
  }

  /** Asks which of the held reactions are one's own, where that is not known. */
  async learnOwn() {
    if (this.learning) return;
    this.learning = true;
    for (let seqs = this.unknownOwn(); this.state === "live" && seqs.length > 0; seqs = this.unknownOwn()) {
      const { own } = this;
      const ack = await this.ask("reacted", { room: this.name, seqs }).catch(() => null);
      if (!ack?.ok) break; // asked again with the next page, or after the next join
      own.learn(seqs, ack.mine, ack.rev);
      for (const seq of seqs) this.notifyAgain(seq);
    }
    this.learning = false;
  }

  /** This browser's person is another one now. */
  forgetOwn() {
    this.own = new OwnReactions();
    this.learnOwn();
  }

  /** Puts a message into the log. The same one again, or an older state of it, changes nothing. */
  apply(message) {
    const range = [this.tail, this.shown].find((one) => one.holds(message.seq));
    if (!range) {
      this.putAside(message);
      return;
    }
    const change = range.apply(message);
    if (!change) return;
    this.own.see(message);
    if (change.known?.deleted && !message.deleted) this.learnOwn(); // it was put back, with its reactions
    if (!change.known) this.presence.messageFrom(message.nickname);
    this.notify("message", { message, ...change });
    if (this.messages.length > MAX_TAIL) this.shrinkTail();
  }

  /** A reaction to a message that is not held here matters only while a page of history is on its way, which may be older. */
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
    this.notify("shown");
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
    this.notify("shown");
    this.learnOwn();
    return true;
  }

  /** Shows the part of the log around a message. Answers whether there is such a message. */
  async around(seq) {
    if (this.find(seq)) {
      if (!this.shown.holds(seq)) this.showLatest();
      return true;
    }
    if (this.tail.holds(seq)) return false;
    this.newGeneration(); // a page that is on its way is not waited for
    const ack = await this.fetch({ before: seq + 1 });
    if (lastOf(ack?.messages ?? [])?.seq !== seq) return false;
    const messages = ack.messages.map((message) => this.newest(message));
    this.shown = new MessageRange(messages, { floor: ack.more ? messages[0].seq : 1, ceiling: seq });
    this.newGeneration();
    this.notify("shown");
    await this.newer();
    return true;
  }

  /** Shows the tail again. */
  showLatest() {
    if (this.isAtEnd) return;
    this.shown = this.tail;
    this.newGeneration();
    this.notify("shown");
  }

  /** Drops the newest of the shown messages, for somebody who reads far back; newer() brings them again. */
  keepOldest(count) {
    if (this.shown.messages.length <= count) return;
    if (this.isAtEnd) this.split(count);
    else this.shown = this.shown.oldest(count);
    this.newGeneration();
    this.notify("shown");
  }

  /** The room's own details, from the server. */
  setDetails(told) {
    this.rules.set(told);
    this.notify("standing");
    this.notify("room");
  }

  /** A line below the newest message. Answers whether there is one. */
  note(text) {
    const { latest } = this;
    if (!latest) return false;
    this.notes.set(latest.seq, [...(this.notes.get(latest.seq) ?? []), text]);
    this.notifyAgain(latest.seq);
    return true;
  }

  /** Drops the oldest of the shown messages, so that a room open for a week stays small; history brings them back. */
  trim(count) {
    if (this.shown.messages.length <= count) return;
    this.shown.keepNewest(count);
    this.newGeneration();
    this.notify("shown");
  }

  clear() {
    this.tail = new MessageRange();
    this.shown = this.tail;
    this.notes = new Map(); // by seq: lines below that message, of what happened then
    this.aside = new Map();
    this.asideReactions = [];
    this.own = new OwnReactions();
    this.epoch = null;
    this.rev = null;
    this.newGeneration();
  }

  /** Pages of history that were requested before are ignored: the shown range is another one now. */
  newGeneration() {
    this.generation += 1;
    this.fetching = false;
  }

  newAttempt(state) {
    this.state = state;
    this.attempt += 1;
    return this.attempt;
  }

  joinPayload(nickname, passphrase) {
    const payload = { room: this.name, ...this.pass(this.name), ...(passphrase && { passphrase }) };
    if (this.rev !== null) Object.assign(payload, { after: this.rev, epoch: this.epoch });
    if (nickname) payload.nickname = nickname;
    return payload;
  }

  /** The server has another database than the one our rev came from (restored, or a new one). */
  isOtherDatabase({ room }) {
    return this.rev !== null && (room.epoch !== this.epoch || room.rev < this.rev);
  }

  joined({ room, people, count, seen }) {
    this.seen = seen;
    this.epoch = room.epoch;
    this.refusal = null;
    if (room.person) this.person = room.person;
    this.presence.reset(people, count);
    this.setDetails(room);
  }

  /** Applies one page of changes; answers whether there are more pages. */
  applyPage(page, rev) {
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

  async catchUp(attempt, more) {
    while (more && attempt === this.attempt) {
      const ack = await this.askUntilAnswered(attempt, "sync", () => ({ room: this.name, after: this.rev, epoch: this.epoch }));
      if (!ack || attempt !== this.attempt) return;
      if (ack.error === "not_member") {
        await this.join();
        return;
      }
      if (!ack.ok) {
        this.early.clear();
        return;
      }
      more = this.applyPage(ack, ack.rev);
    }
    if (attempt !== this.attempt) return;
    this.state = "live";
    this.applyEarly();
    this.notify("live");
    this.learnOwn();
  }

  restart(messages, rev) {
    const beyond = this.messages.filter((message) => message.rev > rev);
    this.newGeneration();
    this.aside.clear();
    this.own = new OwnReactions();
    this.tail = new MessageRange([...messages].sort((one, other) => one.seq - other.seq));
    this.shown = this.tail;
    this.rev = rev;
    for (const message of beyond) this.early.set(message.rev, message);
    this.notify("reset");
  }

  applyEarly() {
    for (const rev of [...this.early.keys()].sort((one, other) => one - other)) {
      if (rev > this.rev + 1) break;
      const change = this.early.get(rev);
      this.early.delete(rev);
      this.applyChange(change);
      this.rev = Math.max(this.rev, rev);
    }
    if (this.early.size > 0) this.fillGapSoon();
  }

  /** A rev is missing. Mostly it is on its way; after a moment it is asked for. */
  async fillGapSoon() {
    const attempt = this.attempt;
    if (this.fillingGap === attempt) return;
    this.fillingGap = attempt;
    await this.wait(GAP_WAIT_MS);
    if (this.fillingGap === attempt) this.fillingGap = null;
    await this.catchUp(attempt, this.early.size > 0);
  }

  /** Asks again after temporary refusals, until there is an answer or the attempt is over. */
  async askUntilAnswered(attempt, verb, payload) {
    for (let pause = 500; attempt === this.attempt; pause = Math.min(pause * 2, 10_000)) {
      const ack = await this.ask(verb, payload()).catch(() => null);
      if (ack && !isTemporary(ack)) return ack;
      if (attempt === this.attempt && verb === "join" && ack?.retry_after >= SHOWN_WAIT_S) this.waitAtDoor(ack);
      if (attempt === this.attempt) await this.wait(ack?.retry_after ? ack.retry_after * 1000 : pause);
    }
    return null;
  }

  /** It will be asked again by itself; until then the doorway says why it takes so long. */
  waitAtDoor({ text, retry_after }) {
    this.refusal = { error: "waiting", text, until: new Date(this.serverNow() + retry_after * 1000).toISOString() };
    this.notify("standing");
  }

  /** A page of history; null where there is none, or where the shown range has changed meanwhile. */
  async fetch(where) {
    if (this.fetching || this.state !== "live") return null;
    this.fetching = true;
    this.asideReactions = [];
    const { generation } = this;
    const ack = await this.ask("history", { room: this.name, ...where }).catch(() => null);
    if (generation !== this.generation) return null;
    this.fetching = false;
    return ack?.ok ? ack : null;
  }

  reachesTail(seq) {
    return seq >= this.floor - 1;
  }

  /** The shown range reaches the tail: the two become one again. */
  merge() {
    const { shown, tail } = this;
    this.tail = new MessageRange([...shown.messages, ...tail.messages], { floor: shown.floor });
    this.shown = this.tail;
  }

  /** The oldest stay shown, the newest stay in the tail; the two never hold the same message. */
  split(count) {
    this.shown = this.tail.oldest(count);
    this.tail.keepNewest(Math.min(KEPT_TAIL, this.messages.length - count));
  }

  /** Many messages came while nobody looked, or while older ones are shown. */
  shrinkTail() {
    if (this.isAtEnd) this.split(this.messages.length - KEPT_TAIL);
    else this.tail.keepNewest(KEPT_TAIL);
    this.newGeneration();
    this.notify("shown");
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
    return this.own.unknown([...new Set([...this.shown.messages, ...this.messages])]).slice(-REACTED_BATCH);
  }

  notifyAgain(seq) {
    const message = this.find(seq);
    if (message) this.notify("message", { message, known: message });
  }

  putAside(message) {
    const known = this.aside.get(message.seq);
    if (!known || known.rev < message.rev) this.aside.set(message.seq, message);
  }
}

/** `too_many` passes by itself where it says when. */
function isTemporary({ error, retry_after }) {
  return TEMPORARY.has(error) || (error === "too_many" && retry_after > 0);
}

function lastOf(list) {
  return list[list.length - 1];
}
