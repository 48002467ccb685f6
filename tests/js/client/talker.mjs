// A person with the official client: asks verbs, keeps what is heard, waits for conditions.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { io } from "socket.io-client";

export const PATIENCE = 30_000;
export const newId = () => randomUUID();

export class Talker {
  /** Connected and welcomed. options: the client's own. The test's end hangs up. */
  static async connect(t, url, nickname, options = {}) {
    const talker = new Talker(url, { ...(nickname && { nickname }) }, options);
    t.after(() => talker.socket.disconnect());
    talker.socket.connect();
    await talker.hears("welcome");
    return talker;
  }

  constructor(url, auth, options) {
    this.heard = [];
    this.waiting = new Set();
    this.socket = io(url, { forceNew: true, autoConnect: false, reconnectionDelay: 50, reconnectionDelayMax: 200, auth, ...options });
    this.socket.onAny((name, payload) => this.note({ name, payload }));
    for (const name of ["connect", "disconnect", "connect_error"]) {
      this.socket.on(name, (payload) => this.note({ name, payload }));
    }
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  note(event) {
    this.heard.push(event);
    for (const look of this.waiting) look();
  }

  /** The payload of the first such event, among what was heard since `from` and what will be. */
  hears(name, such = () => true, { from = 0 } = {}) {
    const find = () => this.heard.slice(from).find((event) => event.name === name && such(event.payload));
    return this.until(find, `${name} was not heard`).then(({ payload }) => payload);
  }

  /** Waits for a condition that depends on what is heard; its value. */
  until(condition, why) {
    return new Promise((found, failed) => {
      const timer = setTimeout(() => done(failed, new Error(`${why}, only ${JSON.stringify(this.heard).slice(0, 2_000)}`)), PATIENCE);
      const done = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle(value);
      };
      const look = () => {
        const value = condition();
        if (value) done(found, value);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** The ack of a verb. */
  ask(verb, payload = {}) {
    return this.socket.timeout(PATIENCE).emitWithAck(verb, payload);
  }

  async join(room, more = {}) {
    const ack = await this.ask("join", { room, ...more });
    assert.equal(ack.ok, true, JSON.stringify(ack));
    return ack;
  }

  /** The stored message. */
  async say(room, text, id = newId()) {
    const ack = await this.ask("send", { room, text, id });
    assert.equal(ack.ok, true, JSON.stringify(ack));
    return ack.message;
  }

  messages(room) {
    return this.heard.filter(({ name, payload }) => name === "message" && payload.room === room).map(({ payload }) => payload.message);
  }

  /** The texts heard in a room, once there are so many. */
  async hearsTexts(room, count) {
    await this.until(() => this.messages(room).length >= count, `fewer than ${count} messages were heard`);
    return this.messages(room).map(({ text }) => text);
  }
}
