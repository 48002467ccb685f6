// What a closed tab left unsent is sent by another one. No DOM in here.

import { tabsAlive } from "./tab.js";

export const ADOPT_EVERY_MS = 30_000;

export class OutboxAdoption {
  /** join(room) joins a room that is open only because unsent messages wait for it. */
  constructor({ outbox, rooms, join }) {
    Object.assign(this, { outbox, rooms, join });
  }

  start() {
    setInterval(() => this.run(), ADOPT_EVERY_MS);
    this.run();
  }

  async run() {
    this.outbox.touch();
    this.outbox.adopt(await tabsAlive());
    for (const name of this.outbox.rooms()) {
      if (!this.rooms.get(name)) this.join(this.rooms.add(name));
    }
  }
}
