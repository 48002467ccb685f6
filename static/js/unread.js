// How far each room is read, and what is unread. Only news counts (ignored.js): messages of others, no deleted ones. No DOM
// in here.
//
// The server keeps how far a person has read each room, for all of their tabs and devices; it says so with the answer to a join
// (`seen`). Here a position is stored for each room, {epoch, seq}, for the time without a connection. One of another epoch
// (another database) counts as none.

import { isNews } from "./ignored.js";
import { position, readJson } from "./storage-readers.js";

const MAX_AHEAD = 100; // messages that another tab may have read before they arrived in this one

/** The unread messages of a room, oldest first: those after seq. */
export function unreadAfter(seq, room, me) {
  return room.messages.slice(room.placeOf(seq + 1)).filter((message) => isNews(message, me));
}

export class Unread {
  /** read(room, seq): tells the server. */
  constructor({ storage, me, read = () => {} }) {
    Object.assign(this, { storage, me, read });
  }

  count(room) {
    return this.messages(room).length;
  }

  /** The seq of the first unread message; undefined where all is read. */
  first(room) {
    return this.messages(room)[0]?.seq;
  }

  total(rooms) {
    return rooms.reduce((sum, room) => sum + this.count(room), 0);
  }

  messages(room) {
    return unreadAfter(this.position(room).seq, room, this.me);
  }

  /** All of the room is read. Answers whether that changed anything. */
  markRead(room) {
    if (room.rev === null) return false;
    const seq = room.latest?.seq ?? 0;
    const read = this.position(room);
    if (read.seq === seq && read.isStored) return false;
    this.store(room, seq);
    this.read(room, seq);
    return true;
  }

  /** After catching up: what was read here without a connection, the server is told. A position far past the end is none. */
  begin(room) {
    const latest = room.latest?.seq ?? 0;
    const { seq, isStored } = this.position(room);
    if (!isStored || seq > latest + MAX_AHEAD) this.store(room, room.seen ?? latest);
    else if (room.seen !== undefined && seq > room.seen) this.read(room, seq);
  }

  /** Another tab or device has read it so far. */
  seenElsewhere(room, seq) {
    if (seq > this.position(room).seq) this.store(room, seq);
  }

  /** {seq, isStored}: the last message that was read, here or elsewhere. A room that was never seen counts as read. */
  position(room) {
    const stored = readJson(this.storage, keyOf(room.name), position);
    const here = stored && stored.epoch === room.epoch ? stored.seq : undefined;
    if (here === undefined && room.seen === undefined) return { seq: room.latest?.seq ?? 0, isStored: false };
    return { seq: Math.max(here ?? 0, room.seen ?? 0), isStored: true };
  }

  store(room, seq) {
    this.storage.set(keyOf(room.name), JSON.stringify({ epoch: room.epoch, seq }));
  }

  remove(name) {
    this.storage.remove(keyOf(name));
  }
}

function keyOf(name) {
  return `read:${name}`;
}
