// How far one has read: what is new is counted, has a line above it, and is old once it was in sight.

import { whileAway } from "./away.js";
import { oncePerFrame } from "./frames.js";

export class Reading {
  constructor({ rooms, timeline, frame }) {
    Object.assign(this, { rooms, timeline, frame });
    this.due = new Set();
    this.drawAll = oncePerFrame(() => this.drawDue());
    document.addEventListener("visibilitychange", () => this.lookAgain());
  }

  /** A room, with a line above what is new since one last looked. */
  show(room) {
    const firstNew = this.rooms.firstUnread(room);
    this.timeline.show(room);
    this.timeline.divide(firstNew);
  }

  lookAgain() {
    if (document.visibilityState !== "visible") return;
    const { rooms } = this;
    const seq = rooms.firstUnread(rooms.active);
    this.tell(seq && { seq, label: whileAway(rooms.unread(rooms.active)) });
  }

  /** Back at the page, or back on the line. */
  tell(news) {
    if (news) this.timeline.divide(news.seq, news.label);
    if (this.timeline.following) this.mark();
  }

  mark() {
    if (document.visibilityState !== "visible") return;
    this.rooms.markRead(this.rooms.active);
    this.draw(this.rooms.active);
  }

  /** Once a frame, however much was said. */
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
    const { rooms } = this;
    rooms.draw(room);
    this.frame.showUnread(rooms.activeName, rooms.unreadAnywhere(), rooms.unreadElsewhere());
  }
}
