// The rows of unconfirmed messages, below the log.

import { asMessage, blankRow, fill, place } from "./message.js";

export class PendingRows {
  /** context(message): fill()'s third argument; clock: the server's time. */
  constructor(list, { me, context, clock }) {
    Object.assign(this, { list, me, context, clock });
  }

  /** previous: the message above them. */
  draw(items, previous) {
    const rows = new Map([...this.list.children].map((row) => [row.dataset.id, row]));
    const now = this.clock.now();
    let above = previous;
    let next = this.list.firstElementChild;
    for (const item of items) {
      const message = asMessage(item, this.me, this.clock);
      const row = rows.get(item.id) ?? blankRow();
      rows.delete(item.id);
      this.fill(row, message);
      place(row, message, above, now);
      if (row === next) next = next.nextElementSibling;
      else this.list.insertBefore(row, next);
      above = message;
    }
    for (const row of rows.values()) row.remove();
  }

  /** Only where something changed since it was drawn: hundreds may wait while one is sent. */
  fill(row, message) {
    const context = this.context(message);
    const drawn = JSON.stringify([message, context.quoted?.rev]);
    if (row.drawn === drawn) return;
    row.drawn = drawn;
    row.dataset.id = message.id;
    fill(row, message, context);
  }
}
