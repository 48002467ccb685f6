// The button that leads up to the first unread message, where that is out of sight.

import { t, tn } from "./language.js";

export class FirstUnread {
  /** timeline: as in timeline.js. */
  constructor({ timeline }) {
    this.timeline = timeline;
    this.button = document.getElementById("first-unread");
    this.button.addEventListener("click", () => this.go());
    document.getElementById("messages").addEventListener("scroll", () => !this.button.hidden && this.hideIfSeen(), { passive: true });
  }

  /** A room is shown, at its end. seq: of its first unread message that is held here, if any; count: how many are. */
  show(room, seq, count) {
    const isMore = seq !== undefined && room.floor > (room.seen ?? seq) + 1; // older ones are unread as well
    this.target = isMore ? room.seen : seq;
    this.button.hidden = seq === undefined;
    const news = isMore ? tn("More than {n} new", "More than {n} new", count) : tn("{n} new", "{n} new", count);
    this.button.lastElementChild.textContent = news;
    this.button.setAttribute("aria-label", t("{news}: jump to the first unread message", { news }));
    if (!isMore) this.hideIfSeen();
  }

  hideIfSeen() {
    const row = this.timeline.rows.get(this.target);
    const log = this.timeline.messages;
    if (row && row.getBoundingClientRect().bottom > log.getBoundingClientRect().top) this.button.hidden = true;
  }

  go() {
    this.button.hidden = true;
    this.timeline.goTo(Math.max(1, this.target));
  }
}
