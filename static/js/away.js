// What others said while the line was down. Pure.

/** Where the log ended when the line went. The first moment counts: a second drop before the return changes nothing. */
export class Away {
  constructor() {
    this.ends = new Map();
  }

  leave(room) {
    if (room.rev !== null && !this.ends.has(room.name)) this.ends.set(room.name, { epoch: room.epoch, seq: room.latest?.seq ?? 0 });
  }

  /** {seq, label} for the line above the first message that came meanwhile; null where nothing did. */
  back(room, me) {
    const end = this.ends.get(room.name);
    this.ends.delete(room.name);
    if (!end || end.epoch !== room.epoch) return null;
    const news = room.messages.filter(({ seq, author, deleted }) => seq > end.seq && !me.is(author) && !deleted);
    if (news.length === 0) return null;
    return { seq: news[0].seq, label: whileAway(news.length, room.floor > end.seq + 1) };
  }
}

/** "3 messages while you were away"; isMore where only a part of them is held here. */
export function whileAway(count, isMore = false) {
  return `${isMore ? "More than " : ""}${count} ${count === 1 ? "message" : "messages"} while you were away`;
}
