// The log of the room one looks at. It changes only the rows that changed, keeps in place what one reads, and follows the
// end only while one is there.

import { isolate, write } from "./isolate.js";
import { startOf } from "./keeping.js";
import { asMessage, blankRow, fill, place } from "./message.js";
import { namesOf } from "./presence.js";
import { fillQuote } from "./reply.js";

const NEAR_END = 80;
const NEAR_START = 600;
const KEPT = 400;
const TOO_MANY = 600;
const FLASH = 1_600;

export class Timeline {
  /** items(room) gives what is still on its way; seen() is told when the end is in sight; act(verb, id) for the buttons. */
  constructor({ me, items, seen, act }) {
    Object.assign(this, { me, items, seen });
    for (const id of ["messages", "said", "pending", "news", "latest", "typing"]) this[id] = document.getElementById(id);
    this.start = document.getElementById("log-start");
    this.rows = new Map();
    this.places = new Map();
    this.following = true;
    this.missed = 0;
    this.messages.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.latest.addEventListener("click", () => {
      this.toEnd();
      this.messages.focus({ preventScroll: true }); // the button goes; the focus must not go with it
    });
    this.pending.addEventListener("click", ({ target }) => {
      if (target.dataset.do) act(target.dataset.do, target.closest(".message").dataset.id);
    });
    new ResizeObserver(() => this.following && this.toEnd()).observe(this.messages);
  }

  /** Draws another room, or this one anew. */
  show(room) {
    if (this.room && this.room !== room) this.places.set(this.room.name, this.placeNow());
    const place = this.room === room ? this.placeNow() : this.places.get(room.name);
    this.room = room;
    this.inSilence(() => {
      this.rows.clear();
      this.said.replaceChildren();
      this.insert(room.messages, null);
      this.drawPending();
      this.drawStart();
      this.drawPresence();
    });
    this.missed = 0;
    this.returnTo(place);
  }

  put({ message, at, known }) {
    this.steady(() => {
      const row = this.rows.get(message.seq) ?? this.insertRow(message, at);
      fill(row, message, this.look(message));
      this.placeFrom(at);
      this.drawQuotes(message.seq);
    });
    if (this.following) this.reached();
    if (this.following || known || this.me.is(message.author)) return;
    this.missed += 1;
    this.drawLatest();
  }

  prepend(messages) {
    this.steady(() =>
      this.inSilence(() => {
        this.insert(messages, this.said.firstElementChild);
        this.placeFrom(messages.length);
        this.drawQuotes();
        this.drawStart();
      }),
    );
    this.fillScreen();
  }

  /** A line above the first message that is new since one last looked. */
  divide(seq, label = "New") {
    const row = this.rows.get(seq);
    this.steady(() => {
      this.said.querySelector(".is-new-here")?.classList.remove("is-new-here");
      row?.classList.add("is-new-here");
      if (row) row.dataset.news = label;
    });
    if (this.following) this.toEnd();
  }

  /** Shows one message among the others, and says which. */
  jumpTo(seq) {
    const row = this.rows.get(seq);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    this.scrolled();
    row.tabIndex = -1;
    row.focus({ preventScroll: true });
    row.classList.add("is-flashed");
    setTimeout(() => row.classList.remove("is-flashed"), FLASH);
  }

  /** The room let go of its oldest. */
  cut() {
    this.steady(() => {
      for (const [seq, row] of this.rows) {
        if (seq >= this.room.floor) continue;
        row.remove();
        this.rows.delete(seq);
      }
      this.placeFrom(0);
      this.drawQuotes();
      this.drawStart();
    });
  }

  drawPending() {
    const rows = new Map([...this.pending.children].map((row) => [row.dataset.id, row]));
    let previous = this.room.latest;
    const drawn = this.items(this.room.name).map((item) => {
      const row = rows.get(item.id) ?? blankRow();
      const message = asMessage(item, this.me);
      row.dataset.id = item.id;
      fill(row, message, this.look(message));
      place(row, message, previous);
      previous = message;
      return row;
    });
    this.steady(() => this.pending.replaceChildren(...drawn));
  }

  drawPresence() {
    const news = this.room.presence.newsWith(isolate);
    this.steady(() => {
      this.news.hidden = news === "";
      write(this.news, news);
    });
    this.drawTyping();
  }

  drawTyping() {
    const others = [...this.room.presence.typists.keys()].filter((nickname) => nickname !== this.me.nickname);
    write(this.typing, others.length > 0 ? `${namesOf(others, isolate)} ${others.length > 1 ? "are" : "is"} typing` : "");
    this.typing.classList.toggle("is-lively", others.length > 0);
  }

  drawStart() {
    this.start.hidden = this.room.rev === null;
    this.start.classList.toggle("is-loading", this.room.hasOlder);
    this.start.textContent = startOf(this.room);
  }

  toEnd() {
    this.following = true;
    this.messages.scrollTop = this.messages.scrollHeight;
    this.reached();
  }

  insert(messages, before) {
    const fragment = document.createDocumentFragment();
    messages.forEach((message, at) => {
      const row = this.newRow(message);
      fill(row, message, this.look(message));
      place(row, message, messages[at - 1]);
      fragment.append(row);
    });
    this.said.insertBefore(fragment, before);
  }

  insertRow(message, at) {
    const next = this.room.messages[at + 1];
    const row = this.newRow(message);
    this.said.insertBefore(row, next ? this.rows.get(next.seq) : null);
    return row;
  }

  newRow(message) {
    const row = blankRow();
    row.dataset.seq = message.seq;
    this.rows.set(message.seq, row);
    return row;
  }

  /** A row and the one below it depend on their neighbours. */
  placeFrom(at) {
    for (const here of [at, at + 1]) {
      const message = this.room.messages[here];
      if (message) place(this.rows.get(message.seq), message, this.room.messages[here - 1]);
    }
  }

  look(message) {
    return { mine: this.me.is(message.author), nickname: this.me.nickname, answered: this.room.find(message.reply_to) };
  }

  /** The quotes of one message, or all: what they show has changed, came, or was let go of. */
  drawQuotes(seq) {
    for (const quote of this.messages.querySelectorAll(seq ? `[data-answers="${seq}"]` : "[data-answers]")) {
      const answers = Number(quote.dataset.answers);
      fillQuote(quote.closest(".message"), answers, this.room.find(answers));
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
    } else {
      this.following = false;
      const edge = this.messages.getBoundingClientRect().top;
      this.messages.scrollTop += row.getBoundingClientRect().top - edge - place.offset;
      this.drawLatest();
    }
    this.fillScreen();
  }

  scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.messages;
    this.following = scrollHeight - scrollTop - clientHeight < NEAR_END;
    if (this.following) this.reached();
    else this.drawLatest();
    if (scrollTop < NEAR_START && !this.following) this.room.older();
  }

  /** A first page that does not fill the screen cannot be scrolled, so the next one is asked for. */
  fillScreen() {
    const { scrollHeight, clientHeight } = this.messages;
    if (clientHeight > 0 && scrollHeight <= clientHeight + NEAR_END) this.room.older();
  }

  reached() {
    this.missed = 0;
    this.drawLatest();
    this.seen();
    if (this.room?.messages.length > TOO_MANY) this.room.trim(KEPT);
  }

  drawLatest() {
    this.latest.hidden = this.following;
    const count = this.missed > 0 ? ` · ${this.missed} new` : "";
    this.latest.lastElementChild.textContent = `Jump to latest${count}`;
  }
}
