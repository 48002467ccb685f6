// 500 random lives of a room: words, edits, deletions and reactions while events are lost, doubled and overtake each other, the line
// breaks, pages come late, history is read and let go of. At every step what shows is in order and told once; at the end
// it is the log.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../static/js/room.js";
import { Clock, dice, Log, settled } from "./log.mjs";

const HISTORIES = 500;
const STEPS = 120;

class Life {
  constructor(seed) {
    this.dice = dice(seed);
    this.log = new Log({ page: 2 + this.dice.below(8), behind: this.dice.chance(0.3) ? 12 : 1_000 });
    this.clock = new Clock();
    this.wire = [];
    this.answers = [];
    this.shown = new Map();
    this.line = 0;
    this.room = new Room("den", {
      ask: (verb, payload) => this.ask(verb, payload),
      wait: this.clock.wait,
      now: this.clock.now,
      changed: (room, what, detail) => this.noted(what, detail),
    });
  }

  /** The server answers at once; the answer travels. */
  ask(verb, payload) {
    if (!this.connected) return Promise.reject(new Error("not connected"));
    const ack = this.log.answer(verb, payload);
    return new Promise((give, fail) => this.answers.push({ give: () => give(ack), fail }));
  }

  noted(what, detail) {
    if (what === "message" && !detail.known) {
      assert.equal(this.shown.has(detail.message.seq), false, "a message is told as new once");
    }
    for (const { seq, rev } of [...this.room.shown.messages, ...this.room.messages]) this.shown.set(seq, rev);
    if (what !== "message") this.shown = new Map([...this.shown].filter(([seq]) => this.room.find(seq)));
  }

  async step() {
    const acts = ["happens", "says", "happens", "arrives", "arrives", "answered", "answered", "waits", "reads", "readsOn", "breaks", "returns", "trims", "readsFar", "looksBack"];
    this[acts[this.dice.below(acts.length)]]();
    await settled();
    this.check();
  }

  happens() {
    const count = this.log.messages.length;
    const old = 1 + this.dice.below(Math.max(count, 1));
    const kind = count > 0 ? this.dice.below(14) : 0;
    const message = kind < 6 ? this.log.say(`words ${count}`) : kind < 9 ? this.log.edit(old, `edit ${this.log.rev}`) : kind < 10 ? this.log.delete(old) : this.reacts(old);
    if (!message) return;
    if (!this.connected || this.dice.chance(0.15)) return;
    this.wire.push(message);
    if (this.dice.chance(0.1)) this.wire.push(message);
  }

  /** Ann may do so in another tab. */
  reacts(seq) {
    const [person, emoji] = [["ann", "bob", "cid", "dan"][this.dice.below(4)], ["👍", "🎉"][this.dice.below(2)]];
    return this.log.react(seq, person, emoji, this.dice.chance(0.6));
  }

  /** One's own reaction is known by its event, too. */
  receive(change) {
    if (change.person === "ann") this.room.reacted(change);
    this.room.receive(change);
  }

  /** One's own words: their ack and their event travel on different ways. */
  says() {
    if (!this.connected || this.room.state !== "live") return;
    const message = this.log.say(`mine ${this.log.rev}`);
    this.wire.push(message);
    this.answers.push({ give: () => this.confirmed(structuredClone(message)), fail: () => {} });
  }

  confirmed(message) {
    this.room.apply(message);
    this.room.receive(message);
  }

  arrives() {
    const ahead = this.dice.chance(0.25) ? this.dice.below(this.wire.length) : 0;
    const [message] = this.wire.splice(ahead, 1);
    if (message) this.receive(structuredClone(message));
    if (message && this.dice.chance(0.05)) this.wire.push(message);
  }

  answered() {
    this.answers.splice(this.dice.below(this.answers.length), 1)[0]?.give();
  }

  waits() {
    this.clock.pass(100 + this.dice.below(1_000));
  }

  reads() {
    this.room.older();
  }

  readsOn() {
    this.room.newer();
  }

  /** So far back that the newest rows are let go of. */
  readsFar() {
    if (this.dice.chance(0.5)) this.room.keepOldest(1 + this.dice.below(6));
  }

  looksBack() {
    if (this.dice.chance(0.1)) this.room.showLatest();
  }

  trims() {
    if (this.dice.chance(0.3)) this.room.trim(3);
  }

  breaks() {
    if (!this.connected || this.dice.chance(0.6)) return;
    this.connected = false;
    this.wire = [];
    for (const { fail } of this.answers.splice(0)) fail(new Error("gone"));
    this.room.disconnected();
  }

  returns() {
    if (this.connected) return;
    this.connected = true;
    this.room.join("ann");
  }

  check() {
    this.checkRange(this.room.tail);
    this.checkRange(this.room.shown);
    const apart = this.room.isAtEnd || this.room.shown.ceiling < this.room.floor;
    assert.ok(apart, "no message is held twice");
  }

  checkRange({ messages }) {
    for (let at = 0; at < messages.length; at += 1) {
      if (at > 0) assert.ok(messages[at - 1].seq < messages[at].seq, "in order, and no place twice");
      const log = this.log.messages[messages[at].seq - 1];
      assert.ok(log && log.id === messages[at].id && messages[at].rev <= log.rev, "nothing that was never said");
    }
  }

  /** The line holds and everything that travels arrives; then one more event (it shows what was lost), and one reads up. */
  async end() {
    this.returns();
    await this.calm();
    this.wire.push(this.log.say("last words"));
    await this.calm();
    const { floor, ceiling, messages } = this.room.shown;
    assert.deepEqual(messages, this.log.messages.slice(floor - 1, ceiling), "what is shown has no holes and is as it is now");
    if (this.dice.chance(0.5)) this.room.showLatest();
    for (let pages = 0; !this.room.isAtEnd; pages += 1) {
      assert.ok(pages < 1_000, "reading on comes to an end");
      this.readsOn();
      await this.calm();
    }
    for (let pages = 0; this.room.hasOlder; pages += 1) {
      assert.ok(pages < 1_000, "history comes to an end");
      this.reads();
      await this.calm();
    }
  }

  async calm() {
    for (let moments = 0; moments < 4 || this.wire.length + this.answers.length > 0; moments += 1) {
      assert.ok(moments < 1_000, "the questions come to an end");
      while (this.wire.length > 0) this.receive(this.wire.shift());
      while (this.answers.length > 0) {
        this.answers.shift().give();
        await settled();
      }
      await this.clock.pass(20_000);
      this.check();
    }
  }
}

const reactionsOf = ({ reactions, reaction_counts }) => [reactions, reaction_counts];

test(`${HISTORIES} random histories all end as the log`, async () => {
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    const life = new Life(seed);
    life.returns();
    try {
      for (let nth = 0; nth < STEPS; nth += 1) await life.step();
      await life.end();
      assert.deepEqual(life.room.messages, life.log.messages);
      assert.equal(JSON.stringify(life.room.messages.map(reactionsOf)), JSON.stringify(life.log.messages.map(reactionsOf)), "in the same order");
      for (const { seq } of life.log.messages) assert.deepEqual(life.room.own.of(seq), new Set(life.log.reactionsOf(seq, "ann")));
      assert.equal(life.room.rev, life.log.rev);
    } catch (error) {
      error.message = `history ${seed}: ${error.message}`;
      throw error;
    }
  }
});
