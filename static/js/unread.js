// How far each room is read, and what is unread. Only news counts (ignored.js): messages of others, no deleted ones. No DOM
// in here.
//
// A position is stored for each room: {epoch, seq}. One of another epoch (another database) counts as none.

import { isNews } from "./ignored.js";
import { position, readJson } from "./storage-readers.js";

const MAX_AHEAD = 100; // messages that another tab may have read before they arrived in this one

/** The unread messages of a room, oldest first: those after seq. */
export function unreadAfter(seq, room, me) {
  return room.messages.slice(room.placeOf(seq + 1)).filter((message) => isNews(message, me));
}

export class Unread {
  constructor({ storage, me }) {
    Object.assign(this, { storage, me });
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
    return true;
  }

  /** After catching up: a room without a position, or with one far past its end, counts as read from here on. */
  begin(room) {
    const latest = room.latest?.seq ?? 0;
    const read = this.position(room);
    if (!read.isStored || read.seq > latest + MAX_AHEAD) this.store(room, latest);
  }

  /** {seq, isStored}: the last message that was read. A room that was never seen counts as read. */
  position(room) {
    const stored = readJson(this.storage, keyOf(room.name), position);
    if (stored && stored.epoch === room.epoch) return { seq: stored.seq, isStored: true };
    return { seq: room.latest?.seq ?? 0, isStored: false };
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
