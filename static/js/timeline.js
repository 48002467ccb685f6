// The log of the room one looks at. However much changes, it is drawn once a frame, and only the rows that changed; what one
// reads stays in place, and the end is followed only while one is there. Rows far from what one reads are let go of.

import { Calendar } from "./calendar.js";
import { Fold } from "./fold.js";
import { oncePerFrame } from "./frames.js";
import { isolate, write } from "./isolate.js";
import { startOf } from "./keeping.js";
import { PendingRows } from "./pending-rows.js";
import { namesOf } from "./presence.js";
import { Rows } from "./rows.js";
import { ScrollPlace } from "./scroll-place.js";

const NEAR_END = 80; // CSS pixels
const NEAR_START = 600;
const KEPT = 300; // rows
const TOO_MANY = 400;
const LEFT_BEHIND = 100; // messages of a room that one has read and left
const FLASH = 1_600;

export class Timeline {
  /**
   * items(room) gives what is still on its way; seen() is told when the end is in sight; act(verb, id) for the buttons; clock
   * tells the server's time.
   */
  constructor({ me, clock, items, seen, act }) {
    Object.assign(this, { me, items, seen });
    for (const id of ["messages", "said", "pending", "news", "latest", "typing"]) this[id] = document.getElementById(id);
    this.start = document.getElementById("log-start");
    const look = (message) => this.look(message);
    this.rows = new Rows(this.said, { look, clock, left: () => this.messages.focus({ preventScroll: true }) });
    this.pendingRows = new PendingRows(this.pending, { me, look, clock });
    this.scroll = new ScrollPlace(this.messages, this.said);
    this.fold = new Fold(this.messages, { toggled: () => this.scrolled() });
    this.calendar = new Calendar({ clock, changed: () => this.room && this.sync() });
    this.places = new Map();
    this.following = true;
    this.missed = 0;
    this.due = new Due();
    this.draw = oncePerFrame(() => this.drawDue());
    this.listen(act);
  }

  listen(act) {
    this.messages.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.latest.addEventListener("click", () => {
      this.toEnd();
      this.messages.focus({ preventScroll: true }); // the button goes; the focus must not go with it
    });
    this.pending.addEventListener("click", ({ target }) => {
      if (target.dataset.do) act(target.dataset.do, target.closest(".message").dataset.id);
    });
    new ResizeObserver(() => this.resized()).observe(this.messages);
  }

  /** Draws another room, or this one anew. */
  show(room) {
    const before = this.room;
    const place = before === room ? this.placeNow() : this.leave(before, room);
    this.room = room;
    this.following = !place;
    if (this.following) room.showLatest();
    this.rows.clear();
    this.due.everything();
    this.draw();
    this.draw.now();
    this.drawPresence();
    this.missed = 0;
    this.returnTo(place);
  }

  /** Answers where one was in the next room. */
  leave(before, room) {
    if (before) {
      this.places.set(before.name, this.placeNow());
      if (this.following) before.trim(LEFT_BEHIND);
    }
    return this.places.get(room.name);
  }

  /** A message is new, or looks different. */
  put({ message, known }) {
    this.due.changed.add(message.seq);
    if (!this.following && !known && !this.me.is(message.author)) this.missed += 1;
    this.draw();
  }

  /** Other messages of the room are shown now: older or newer ones came, or were let go of. */
  sync() {
    this.due.everything();
    this.draw();
  }

  drawPending() {
    this.due.pending = true;
    this.draw();
  }

  /** A line above the first message that is new since one last looked. */
  divide(seq, label = "New") {
    this.draw.now();
    this.steady(() => this.rows.divide(seq, label));
  }

  /** The message that is being edited; null: none. */
  markEdited(seq) {
    this.rows.markEdited(seq);
  }

  /** The server's time is known only now. */
  checkDay() {
    this.calendar.look();
    this.drawPending();
  }

  /** Shows one message among the others, and says which. */
  jumpTo(seq) {
    this.draw.now();
    const row = this.rows.get(seq);
    if (!row) return;
    this.fold.unfold(row);
    row.scrollIntoView({ block: row.offsetHeight < this.messages.clientHeight ? "center" : "start" });
    this.scrolled();
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.classList.add("is-flashed");
    setTimeout(() => row.classList.remove("is-flashed"), FLASH);
  }

  toEnd() {
    this.following = true;
    this.room.showLatest();
    this.draw();
  }

  /** A first page that does not fill the screen cannot be scrolled, so the next one is asked for. */
  fillScreen() {
    this.draw.now();
    this.askForMore();
  }

  askForMore() {
    const { scrollHeight, clientHeight } = this.messages;
    if (clientHeight > 0 && scrollHeight <= clientHeight + NEAR_END) this.room.older();
  }

  drawPresence() {
    const news = this.room.presence.newsWith(isolate);
    this.steady(() => {
      this.news.hidden = news === "" || !this.room.isAtEnd;
      write(this.news, news);
    });
    this.drawTyping();
  }

  drawTyping() {
    const others = [...this.room.presence.typists.keys()].filter((nickname) => nickname !== this.me.nickname);
    write(this.typing, others.length > 0 ? `${namesOf(others, isolate)} ${others.length > 1 ? "are" : "is"} typing` : "");
    this.typing.classList.toggle("is-lively", others.length > 0);
  }

  drawEnds() {
    this.news.hidden = this.news.textContent === "" || !this.room.isAtEnd;
    this.drawStart();
  }

  drawStart() {
    const { name, rev, keep, hasOlder, shown } = this.room;
    this.start.hidden = rev === null;
    this.start.classList.toggle("is-loading", hasOlder);
    this.start.textContent = startOf({ name, rev, keep, hasOlder, messages: shown.messages });
  }

  /** All that changed since the last frame. */
  drawDue() {
    if (!this.room) return;
    if (this.following) this.room.showLatest();
    const due = this.due.take();
    if (due.isEverything) this.inSilence(() => this.steady(() => this.drawRows(due)));
    else this.steady(() => this.drawRows(due));
    if (this.following) this.reached();
    else this.drawLatest();
    if (due.isEverything) this.askForMore();
  }

  drawRows(due) {
    const drawn = this.rows.draw(this.room, due);
    if (due.pending || due.isEverything || this.pending.childElementCount > 0) this.drawItems();
    if (due.isEverything) this.drawEnds();
    this.fold.measure(drawn);
  }

  drawItems() {
    const { isAtEnd, name, latest } = this.room;
    this.pendingRows.draw(isAtEnd ? this.items(name) : [], latest);
    this.fold.measure(this.pending.children);
  }

  look(message) {
    return { mine: this.me.is(message.author), own: this.room.own.of(message.seq), answered: this.room.find(message.reply_to) };
  }

  /** At the end the end stays in sight; elsewhere the line one reads. */
  steady(change) {
    if (!this.following) {
      this.scroll.keep(change);
      return;
    }
    change();
    this.scroll.toEnd();
  }

  /** Many rows at once are no news to a screen reader. */
  inSilence(change) {
    this.messages.setAttribute("aria-live", "off");
    change();
    requestAnimationFrame(() => this.messages.setAttribute("aria-live", "polite"));
  }

  placeNow() {
    return this.following ? null : this.scroll.now();
  }

  returnTo(place) {
    const row = place && this.rows.get(place.seq);
    if (row) {
      this.scroll.to(row, place.offset);
      this.drawLatest();
    } else {
      this.toEnd();
      this.draw.now();
    }
  }

  scrolled() {
    if (!this.room) return;
    const { scrollHeight, scrollTop, clientHeight } = this.messages;
    const below = scrollHeight - scrollTop - clientHeight;
    this.following = below < NEAR_END && this.room.isAtEnd;
    if (this.following) {
      this.reached();
      return;
    }
    this.drawLatest();
    if (scrollTop < NEAR_START) this.readBack();
    else if (below < NEAR_START && !this.room.isAtEnd) this.readOn();
  }

  /** Older ones come above; where that makes too many, the newest go. */
  async readBack() {
    const { room } = this;
    if ((await room.older()) && !this.isFew(room)) room.keepOldest(KEPT);
  }

  async readOn() {
    const { room } = this;
    if ((await room.newer()) && !this.isFew(room)) room.trim(KEPT);
  }

  isFew(room) {
    return room.shown.messages.length <= TOO_MANY;
  }

  reached() {
    this.missed = 0;
    this.drawLatest();
    this.seen();
    if (!this.isFew(this.room)) this.room.trim(KEPT);
  }

  drawLatest() {
    this.latest.hidden = this.following;
    const count = this.missed > 0 ? ` · ${this.missed} new` : "";
    this.latest.lastElementChild.textContent = `Jump to latest${count}`;
  }

  resized() {
    this.steady(() => this.fold.measure(this.said.children));
  }
}

/** What is to be drawn with the next frame. */
class Due {
  constructor() {
    this.clear();
  }

  clear() {
    Object.assign(this, { changed: new Set(), pending: false, isEverything: false });
  }

  everything() {
    this.isEverything = true;
  }

  take() {
    const { changed, pending, isEverything } = this;
    this.clear();
    return { changed, pending, isEverything };
  }
}
