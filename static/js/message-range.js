// A part of a room's log without holes: every message with floor <= seq <= ceiling is held here, as it looks now. Pure.

export class MessageRange {
  constructor(messages = [], { floor = messages[0]?.seq ?? 1, ceiling = Infinity } = {}) {
    Object.assign(this, { messages, floor, ceiling });
  }

  holds(seq) {
    return seq >= this.floor && seq <= this.ceiling;
  }

  find(seq) {
    const message = this.messages[this.placeOf(seq)];
    return message?.seq === seq ? message : undefined;
  }

  /** Where this seq is, or would be. */
  placeOf(seq) {
    let [low, high] = [0, this.messages.length];
    if (high > 0 && this.messages[high - 1].seq < seq) return high; // most are the newest
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.messages[middle].seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Answers {at, known}, or null where this very look or a newer one of the message was here already. */
  apply(message) {
    const at = this.placeOf(message.seq);
    const known = this.messages[at]?.seq === message.seq ? this.messages[at] : undefined;
    if (known && known.rev >= message.rev) return null;
    this.messages.splice(at, known ? 1 : 0, message);
    return { at, known };
  }

  /** more: whether older ones exist than these. */
  prepend(messages, more) {
    this.messages.unshift(...messages);
    this.floor = more && messages.length > 0 ? messages[0].seq : 1;
  }

  append(messages) {
    this.messages.push(...messages);
    this.ceiling = this.messages[this.messages.length - 1].seq;
  }

  keepNewest(count) {
    if (this.messages.length <= count) return;
    this.messages.splice(0, this.messages.length - count);
    this.floor = this.messages[0].seq;
  }

  /** The oldest of them as a part of their own. */
  oldest(count) {
    const messages = this.messages.slice(0, count);
    return new MessageRange(messages, { floor: this.floor, ceiling: messages[messages.length - 1].seq });
  }
}
