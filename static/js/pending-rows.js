// The rows of what is still on its way, below the log.

import { asMessage, blankRow, fill, place } from "./message.js";

export class PendingRows {
  /** look(message) gives what fill() wants to know; clock tells the server's time. */
  constructor(list, { me, look, clock }) {
    Object.assign(this, { list, me, look, clock });
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

  /** Only where it looks different from how it was drawn: hundreds may wait, and one of them goes. */
  fill(row, message) {
    const look = this.look(message);
    const drawn = JSON.stringify([message, look.answered?.rev]);
    if (row.drawn === drawn) return;
    row.drawn = drawn;
    row.dataset.id = message.id;
    fill(row, message, look);
  }
}
