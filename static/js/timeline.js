// The log of the active room. It is drawn once a frame, and only the rows that changed. While the log is scrolled to its end
// it follows new messages; elsewhere what is in sight stays in place. Rows far from what is in sight are dropped.

import { oncePerFrame } from "./animation-frame.js";
import { DayChange } from "./day-change.js";
import { Fold } from "./fold.js";
import { isNews } from "./ignored.js";
import { isolate, write } from "./isolate.js";
import { t, tn } from "./language.js";
import { ownCard } from "./link-card.js";
import { callsMe } from "./mentions.js";
import { logStart } from "./log-start.js";
import { MessageRows } from "./message-rows.js";
import { PendingRows } from "./pending-rows.js";
import { namesOf } from "./presence.js";
import { isDirect } from "./room-name.js";
import { ScrollPosition } from "./scroll-position.js";
import { rankOf } from "./standing.js";

const NEAR_END = 80; // CSS pixels
const NEAR_START = 600; // CSS pixels
const KEPT_ROWS = 300;
const MAX_ROWS = 400;
const KEPT_INACTIVE = 100; // messages of a room that was read to its end, while another room is shown
const FLASH_MS = 1_600;

export class Timeline {
  /**
   * items(room): its unconfirmed messages; endSeen(): the end of the log is in sight; act(verb, id): a button of an
   * unconfirmed message; clock: the server's time; cards: as in own-cards.js.
   */
  constructor({ me, clock, items, endSeen, act, cards, retention }) {
    Object.assign(this, { me, items, endSeen, cards, retention });
    for (const id of ["messages", "said", "pending", "news", "latest", "typing"]) this[id] = document.getElementById(id);
    this.start = document.getElementById("log-start");
    const context = (message) => this.context(message);
    this.called = { me, nicknameOf: (id) => this.room.presence.people.get(id)?.nickname };
    this.rows = new MessageRows(this.said, {
      context,
      quoted: (seq) => this.quoted(seq),
      clock,
      focusLost: () => this.messages.focus({ preventScroll: true }),
      ignores: (id) => me.ignores(id),
      unfolded: () => this.unfolded(),
    });
    this.pendingRows = new PendingRows(this.pending, { me, context, clock });
    this.scroll = new ScrollPosition(this.messages, this.said);
    this.fold = new Fold(this.messages, { toggled: () => this.scrolled() });
    this.dayChange = new DayChange({ clock, changed: () => this.room && this.sync() });
    this.positions = new Map();
    this.following = true;
    this.missed = 0;
    this.due = new Due();
    this.draw = oncePerFrame(() => this.drawDue());
    this.listen(act);
  }

  listen(act) {
    this.messages.addEventListener("scroll", () => this.isShrunk() || this.scrolled(), { passive: true });
    this.latest.addEventListener("click", () => {
      this.toEnd();
      this.messages.focus({ preventScroll: true }); // the button is hidden next, and the focus with it
    });
    this.pending.addEventListener("click", ({ target }) => {
      if (target.dataset.do) act(target.dataset.do, target.closest(".message").dataset.id);
    });
    new ResizeObserver(() => this.resized()).observe(this.messages);
    new ResizeObserver(() => this.following && this.steady(() => {})).observe(this.said); // by the size of the text, say
  }

  /** Draws another room, or this one anew. */
  show(room) {
    const before = this.room;
    const position = before === room ? this.positionNow() : this.leave(before, room);
    this.room = room;
    this.scroll.forgetEnd();
    this.following = !position;
    if (this.following) room.showLatest();
    this.rows.clear();
    this.due.everything();
    this.draw();
    this.draw.now();
    this.drawPresence();
    this.missed = 0;
    this.returnTo(position);
  }

  /** Answers the position that the next room had when it was left. */
  leave(before, room) {
    if (before) {
      this.positions.set(before.name, this.positionNow());
      if (this.following) before.trim(KEPT_INACTIVE);
    }
    return this.positions.get(room.name);
  }

  /** A message is new or has changed. */
  put({ message, known }) {
    this.due.changed.add(message.seq);
    if (!this.following && !known && isNews(message, this.me)) this.missed += 1;
    this.draw();
  }

  /** Rows look different for another reason than their messages: roles, whom this person ignores. */
  redraw() {
    if (!this.room) return;
    for (const { seq } of this.room.shown.messages) this.due.changed.add(seq);
    this.sync();
  }

  /** The shown range has changed: older or newer messages were added, or dropped. */
  sync() {
    this.due.everything();
    this.draw();
  }

  drawPending() {
    this.due.pending = true;
    this.draw();
  }

  /** A line above the first new message. */
  divide(seq, label = t("New")) {
    this.draw.now();
    this.steady(() => this.rows.divide(seq, label));
  }

  /** The message that is being edited; null: none. */
  markEdited(seq) {
    this.rows.markEdited(seq);
  }

  /** The server's time has become known. */
  checkDay() {
    this.dayChange.check();
    this.drawPending();
  }

  /** Scrolls to a message and marks it for a moment. */
  jumpTo(seq) {
    this.draw.now();
    const row = this.rows.get(seq);
    if (!row) return;
    this.rows.ignored.open(seq);
    this.fold.unfold(row);
    row.scrollIntoView({ block: row.offsetHeight < this.messages.clientHeight ? "center" : "start" });
    this.scrolled();
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.classList.add("is-flashed");
    setTimeout(() => row.classList.remove("is-flashed"), FLASH_MS);
  }

  /** The same of a message however far back. Answers whether there is one. */
  async goTo(seq) {
    const { room } = this;
    this.following = false; // else the end would be shown again
    let isThere = await room.around(seq);
    if (isThere && this.following && room === this.room) {
      this.following = false; // the room was drawn anew meanwhile
      isThere = await room.around(seq);
    }
    if (room !== this.room) return true;
    if (isThere) this.jumpTo(seq);
    else this.scrolled();
    return isThere;
  }

  /** Messages of an ignored person were opened or folded, in sight of whoever pressed the button. */
  unfolded() {
    this.following = false;
    this.steady(() => this.rows.draw(this.room, { changed: new Set(), isEverything: false }));
    this.fold.measure(this.said.children);
    this.scrolled();
  }

  toEnd() {
    this.scroll.forgetEnd();
    this.following = true;
    this.room.showLatest();
    this.draw();
  }

  /** A log that does not fill the screen cannot be scrolled: the next page is asked for at once. */
  fillScreen() {
    this.draw.now();
    this.askForMore();
  }

  askForMore() {
    const { scrollHeight, clientHeight } = this.messages;
    if (clientHeight > 0 && scrollHeight <= clientHeight + NEAR_END) this.room.older();
  }

  drawPresence() {
    const news = this.room.presence.newsWith(isolate, isDirect(this.room));
    this.steady(() => {
      this.news.hidden = news === "" || !this.room.isAtEnd;
      write(this.news, news);
    });
    this.drawTyping();
  }

  drawTyping() {
    const others = [...this.room.presence.typists.keys()].filter((nickname) => nickname !== this.me.nickname);
    write(this.typing, others.length > 0 ? tn("{names} is typing", "{names} are typing", others.length, { names: namesOf(others, isolate) }) : "");
    this.typing.classList.toggle("is-lively", others.length > 0);
  }

  drawEnds() {
    this.news.hidden = this.news.textContent === "" || !this.room.isAtEnd;
    this.drawStart();
  }

  drawStart() {
    const { name, title, rev, keep, hasOlder, shown } = this.room;
    this.start.hidden = rev === null;
    this.start.classList.toggle("is-loading", hasOlder);
    this.start.textContent = logStart({ name, title, rev, hasOlder, messages: shown.messages }, this.retention(keep));
  }

  /** Draws all that changed since the last frame. */
  drawDue() {
    if (!this.room) return;
    if (this.following) this.room.showLatest();
    const due = this.due.take();
    if (due.isEverything) this.withoutAnnouncing(() => this.steady(() => this.drawRows(due)));
    else this.steady(() => this.drawRows(due));
    if (this.following) this.onEnd();
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

  /** What a row depends on besides its message. */
  context(message) {
    const { own, presence } = this.room;
    const { author, seq, reply_to } = message;
    return { mine: this.me.is(author), own: own.of(seq), role: presence.roles.get(author), quoted: this.quoted(reply_to), calls: callsMe(message, this.me), called: this.called, notes: this.room.notes?.get(seq), ...this.card(message) };
  }

  /** Of a page elsewhere, which its author and moderators may remove; or of this site's own words. */
  card(message) {
    const { name, rules } = this.room;
    if (message.card) return { card: message.card, mayHideCard: this.me.is(message.author) || rankOf(rules.role) > 0 };
    const own = this.cards.of(name, message);
    return { card: own && ownCard(own.url, own.preview) };
  }

  quoted(seq) {
    const message = this.room.find(seq);
    return message && this.me.ignores(message.author) ? { ...message, isIgnored: true } : message;
  }

  /** Runs change(); the end of the log stays in sight while it is followed, else the uppermost row. */
  steady(change) {
    if (this.following && this.scroll.hasLeftEnd(NEAR_END)) this.scrolled();
    if (!this.following) {
      this.scroll.keep(change);
      return;
    }
    change();
    this.scroll.toEnd();
  }

  /** A screen reader must not read many rows at once. */
  withoutAnnouncing(change) {
    this.messages.setAttribute("aria-live", "off");
    change();
    requestAnimationFrame(() => this.messages.setAttribute("aria-live", "polite"));
  }

  positionNow() {
    return this.following ? null : this.scroll.now();
  }

  returnTo(position) {
    const row = position && this.rows.get(position.seq);
    if (row) {
      this.scroll.to(row, position.offset);
      this.drawLatest();
    } else {
      this.toEnd();
      this.draw.now();
    }
  }

  /** The end is out of sight because the log has become smaller since `toEnd`: nobody has scrolled, and resized() is next. */
  isShrunk() {
    const { scrollHeight, scrollTop, clientHeight } = this.messages;
    return this.following && scrollHeight - scrollTop - clientHeight >= NEAR_END && !this.scroll.hasLeftEnd(NEAR_END);
  }

  scrolled() {
    if (!this.room) return;
    const { scrollHeight, scrollTop, clientHeight } = this.messages;
    const below = scrollHeight - scrollTop - clientHeight;
    this.following = below < NEAR_END && this.room.isAtEnd;
    if (this.following) {
      this.scroll.noteEnd();
      this.onEnd();
      return;
    }
    this.drawLatest();
    if (scrollTop < NEAR_START) this.scrolledUp();
    else if (below < NEAR_START && !this.room.isAtEnd) this.scrolledDown();
  }

  /** Adds older messages above; where that makes too many, the newest are dropped. */
  async scrolledUp() {
    const { room } = this;
    if ((await room.older()) && !this.isFew(room)) room.keepOldest(KEPT_ROWS);
  }

  async scrolledDown() {
    const { room } = this;
    if ((await room.newer()) && !this.isFew(room)) room.trim(KEPT_ROWS);
  }

  isFew(room) {
    return room.shown.messages.length <= MAX_ROWS;
  }

  onEnd() {
    this.missed = 0;
    this.drawLatest();
    this.endSeen();
    if (!this.isFew(this.room)) this.room.trim(KEPT_ROWS);
  }

  drawLatest() {
    this.latest.hidden = this.following;
    this.latest.lastElementChild.textContent = this.missed > 0 ? tn("Jump to latest · {n} new", "Jump to latest · {n} new", this.missed) : t("Jump to latest");
  }

  resized() {
    this.steady(() => this.fold.measure(this.said.children));
  }
}

/** What is to be drawn in the next frame. */
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
