// Draws what is unread: the counts in the list and the title, and the line above the first new message. Messages become
// read when the end of the log is in sight.

import { oncePerFrame } from "./animation-frame.js";
import { whileAway } from "./unread-since.js";

export class UnreadView {
  /** firstUnread: the button that leads there (first-unread.js). */
  constructor({ rooms, unread, roomList, timeline, layout, firstUnread }) {
    Object.assign(this, { rooms, unread, roomList, timeline, layout, firstUnread });
    this.due = new Set();
    this.drawAll = oncePerFrame(() => this.drawDue());
    document.addEventListener("visibilitychange", () => this.pageShown());
  }

  /** Shows a room's log, with a line above its first unread message. */
  show(room) {
    const first = this.unread.first(room);
    const count = this.unread.count(room);
    this.timeline.show(room);
    this.timeline.divide(first);
    this.firstUnread?.show(room, first, count);
  }

  pageShown() {
    if (document.visibilityState !== "visible") return;
    const { active } = this.rooms;
    const seq = this.unread.first(active);
    this.returned(seq && { seq, label: whileAway(this.unread.count(active)) });
  }

  /** The person is back at the page, or the connection is back. missed: {seq, label} of the line, or nothing. */
  returned(missed) {
    if (missed) this.timeline.divide(missed.seq, missed.label);
    if (this.timeline.following) this.markRead();
  }

  /** The end of the active room's log is in sight. */
  markRead() {
    if (document.visibilityState !== "visible") return;
    this.unread.markRead(this.rooms.active);
    this.draw(this.rooms.active);
  }

  /** Once a frame, however many messages arrive. */
  drawSoon(room) {
    this.due.add(room);
    this.drawAll();
  }

  drawDue() {
    const due = [...this.due];
    this.due.clear();
    for (const room of due) if (this.rooms.get(room.name) === room) this.draw(room);
  }

  draw(room) {
    if (!room) return;
    const { rooms, unread } = this;
    const others = rooms.all().filter((other) => other !== rooms.active);
    this.roomList.draw(room);
    if (rooms.active) this.layout.showUnread(unread.total(rooms.all()), unread.total(others) > 0);
  }
}
