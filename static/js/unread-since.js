// Messages of others that came while the connection was down. Pure.

import { isNews } from "./ignored.js";
import { tn } from "./language.js";

/** Remembers where a room's log ended at the disconnect. Of several before the next reconnect, the first counts. */
export class UnreadSince {
  constructor() {
    this.ends = new Map();
  }

  disconnected(room) {
    if (room.rev !== null && !this.ends.has(room.name)) this.ends.set(room.name, { epoch: room.epoch, seq: room.latest?.seq ?? 0 });
  }

  /** {seq, label} for the line above the first missed message; null where none was missed. */
  reconnected(room, me) {
    const end = this.ends.get(room.name);
    this.ends.delete(room.name);
    if (!end || end.epoch !== room.epoch) return null;
    const missed = room.messages.filter((message) => message.seq > end.seq && isNews(message, me));
    if (missed.length === 0) return null;
    return { seq: missed[0].seq, label: whileAway(missed.length, room.floor > end.seq + 1) };
  }
}

/** "3 messages while you were away"; isMore: only a part of them is held here. */
export function whileAway(count, isMore = false) {
  if (isMore) return tn("More than {n} message while you were away", "More than {n} messages while you were away", count);
  return tn("{n} message while you were away", "{n} messages while you were away", count);
}
