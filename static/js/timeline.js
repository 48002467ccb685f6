// The log of the room one looks at. However much changes, it is drawn once a frame, and only the rows that changed; what one
// reads stays in place, and the end is followed only while one is there. Rows far from what one reads are let go of.

import { isolate, write } from "./isolate.js";
import { Fold } from "./fold.js";
import { oncePerFrame } from "./frames.js";
import { startOf } from "./keeping.js";
import { asMessage, blankRow, fill, place } from "./message.js";
import { namesOf } from "./presence.js";
import { fillQuote } from "./reply.js";

const NEAR_END = 80; // CSS pixels
const NEAR_START = 600;
const KEPT = 300; // rows
const TOO_MANY = 400;
const LEFT_BEHIND = 100; // messages of a room that one has read and left
const FLASH = 1_600;
const DAY_CHECKED = 60_000;

export class Timeline {
  /**
   * items(room) gives what is still on its way; seen() is told when the end is in sight; act(verb, id) for the buttons; clock
   * tells the server's time.
   */
  constructor({ me, clock, items, seen, act }) {
    Object.assign(this, { me, clock, items, seen });
    for (const id of ["messages", "said", "pending", "news", "latest", "typing"]) this[id] = document.getElementById(id);
    this.start = document.getElementById("log-start");
    this.rows = new Map();
    this.places = new Map();
    this.following = true;
    this.missed = 0;
    this.due = new Due();
    this.draw = oncePerFrame(() => this.drawDue());
    this.fold = new Fold(this.messages, { toggled: () => this.scrolled() });
    this.listen(act);
    this.watchTheDay();
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
    this.said.replaceChildren();
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
    this.divided = { seq, label };
    this.steady(() => {
      this.said.querySelector(".is-new-here")?.classList.remove("is-new-here");
      this.markDivided(seq);
    });
  }

  /** The message that is being edited; null: none. */
  markEdited(seq) {
    this.edited = seq;
    this.said.querySelector(".is-being-edited")?.classList.remove("is-being-edited");
    this.rows.get(seq)?.classList.add("is-being-edited");
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
    const fresh = this.syncRows(due.changed);
    for (const seq of due.changed) {
      const message = this.room.shown.find(seq);
      if (message) fill(this.rows.get(seq), message, this.look(message));
    }
    this.placeRows(due);
    if (due.pending || due.isEverything) this.drawItems();
    if (due.isEverything) this.drawEnds();
    this.drawQuotes(due);
    this.fold.measure([...fresh, ...[...due.changed].map((seq) => this.rows.get(seq)).filter(Boolean)]);
  }

  /** A row for each message that is shown, and no other. Answers the new ones; their seqs join `changed`. */
  syncRows(changed) {
    const { shown } = this.room;
    for (const [seq, row] of this.rows) if (!shown.find(seq)) this.remove(seq, row);
    const fresh = [];
    let next = this.said.firstElementChild;
    for (const { seq } of shown.messages) {
      const known = this.rows.get(seq);
      if (known) {
        next = known.nextElementSibling;
        continue;
      }
      const row = this.newRow(seq);
      this.said.insertBefore(row, next);
      changed.add(seq);
      fresh.push(row);
    }
    return fresh;
  }

  remove(seq, row) {
    if (row.contains(document.activeElement)) this.messages.focus({ preventScroll: true });
    row.remove();
    this.rows.delete(seq);
  }

  newRow(seq) {
    const row = blankRow();
    row.dataset.seq = seq;
    this.rows.set(seq, row);
    row.classList.toggle("is-being-edited", seq === this.edited);
    if (seq === this.divided?.seq) this.markDivided(seq);
    return row;
  }

  markDivided(seq) {
    const row = this.rows.get(seq);
    if (!row) return;
    row.classList.add("is-new-here");
    row.dataset.news = this.divided.label;
  }

  /** A row and the one below it depend on their neighbours. */
  placeRows({ changed, isEverything }) {
    const { messages } = this.room.shown;
    const now = this.clock.now();
    messages.forEach((message, at) => {
      const isNear = changed.has(message.seq) || changed.has(messages[at - 1]?.seq);
      if (isNear || isEverything) place(this.rows.get(message.seq), message, messages[at - 1], now);
    });
  }

  /** What is on its way. */
  drawItems() {
    const rows = new Map([...this.pending.children].map((row) => [row.dataset.id, row]));
    const items = this.room.isAtEnd ? this.items(this.room.name) : [];
    const now = this.clock.now();
    let previous = this.room.latest;
    let next = this.pending.firstElementChild;
    for (const item of items) {
      const message = asMessage(item, this.me, this.clock);
      const row = rows.get(item.id) ?? blankRow();
      rows.delete(item.id);
      fillItem(row, message, this.look(message));
      place(row, message, previous, now);
      if (row === next) next = next.nextElementSibling;
      else this.pending.insertBefore(row, next);
      previous = message;
    }
    for (const row of rows.values()) row.remove();
    this.fold.measure(this.pending.children);
  }

  look(message) {
    return { mine: this.me.is(message.author), nickname: this.me.nickname, answered: this.room.find(message.reply_to) };
  }

  /** The quotes of what changed, or all: what they show has changed, came, or was let go of. */
  drawQuotes({ changed, isEverything }) {
    for (const quote of this.messages.querySelectorAll(".message-quote")) {
      const answers = Number(quote.dataset.answers);
      if (isEverything || changed.has(answers)) fillQuote(quote.closest(".message"), answers, this.room.find(answers));
    }
  }

  /** Whatever changes, the line one reads stays where it is. */
  steady(change) {
    if (this.following) {
      change();
      this.messages.scrollTop = this.messages.scrollHeight;
      return;
    }
    const anchor = this.topRow();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.messages.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  /** Many rows at once are no news to a screen reader. */
  inSilence(change) {
    this.messages.setAttribute("aria-live", "off");
    change();
    requestAnimationFrame(() => this.messages.setAttribute("aria-live", "polite"));
  }

  topRow() {
    const edge = this.messages.getBoundingClientRect().top;
    const rows = this.said.children;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= edge) low = middle + 1;
      else high = middle;
    }
    return rows[low];
  }

  placeNow() {
    if (this.following) return null;
    const row = this.topRow();
    const edge = this.messages.getBoundingClientRect().top;
    return row && { seq: Number(row.dataset.seq), offset: row.getBoundingClientRect().top - edge };
  }

  returnTo(place) {
    const row = place && this.rows.get(place.seq);
    if (!row) {
      this.toEnd();
      this.draw.now();
      return;
    }
    const edge = this.messages.getBoundingClientRect().top;
    this.messages.scrollTop += row.getBoundingClientRect().top - edge - place.offset;
    this.drawLatest();
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

  /** "Today" is yesterday after midnight: looked at now and then, for a machine may sleep, and whenever one comes back. */
  watchTheDay() {
    this.checkDay();
    setInterval(() => this.checkDay(), DAY_CHECKED);
    for (const type of ["visibilitychange", "pageshow", "focus"]) window.addEventListener(type, () => this.checkDay());
  }

  checkDay() {
    const now = new Date(this.clock.now());
    clearTimeout(this.midnight);
    this.midnight = setTimeout(() => this.checkDay(), new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now);
    if (this.day === now.toDateString()) return;
    this.day = now.toDateString();
    if (this.room) this.sync();
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

/** Only where it looks different from how it was drawn: hundreds may wait, and one of them goes. */
function fillItem(row, message, look) {
  const drawn = JSON.stringify([message, look.answered?.rev, look.nickname]);
  if (row.drawn === drawn) return;
  row.drawn = drawn;
  row.dataset.id = message.id;
  fill(row, message, look);
}
