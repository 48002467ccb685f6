// This person's conversations: the rooms of two. The last ones are open, and so is each in which something is unread; one that
// was closed opens again when something is said there. No DOM in here.

import { readJson } from "./storage-readers.js";

const OPEN = 12; // of the last ones
const SLACK_MS = 60_000; // by which the server's time may be known wrongly

export class Directs {
  /** rooms: as in open-rooms.js; clock: the server's time; join(room); changed(room): it is called otherwise now. */
  constructor({ storage, rooms, me, clock, ask, join, changed }) {
    Object.assign(this, { storage, rooms, me, clock, ask, join, changed });
  }

  /** What the server knows, after each welcome. */
  async learn() {
    const ack = await this.ask("rooms", {});
    if (!ack.ok) return;
    this.isKnown = true;
    const closed = this.closed();
    ack.direct.forEach(({ name, person, unread, at }, nth) => {
      if (this.rooms.get(name)) this.know(name, person);
      else if (unread > 0 || (nth < OPEN && !(closed[name] >= at))) this.open(name, person);
    });
  }

  /** Somebody wants to talk, or has said something while the room was closed here. */
  opened({ room, person }) {
    if (this.me.ignores(person.id)) return;
    if (this.rooms.get(room)) this.know(room, person);
    else this.open(room, person);
  }

  open(name, person) {
    this.know(this.rooms.add(name).name, person);
    this.join(this.rooms.get(name));
  }

  know(name, person) {
    const room = this.rooms.get(name);
    room.person = person;
    this.changed(room);
  }

  /** This person has closed it: it stays closed until something is said there. */
  close(name) {
    const closed = Object.entries({ ...this.closed(), [name]: new Date(this.clock.now()).toISOString() });
    this.storage.set("directs-closed", JSON.stringify(Object.fromEntries(closed.slice(-100))));
  }

  closed() {
    return readJson(this.storage, "directs-closed", (row) => this.past(row)) ?? {};
  }

  /** What has passed already: from any other moment on nothing would ever be newer. */
  past(row) {
    const until = this.clock.isKnown ? this.clock.now() + SLACK_MS : Infinity;
    return Object.fromEntries(Object.entries(row).filter(([, at]) => typeof at === "string" && Date.parse(at) <= until));
  }
}
