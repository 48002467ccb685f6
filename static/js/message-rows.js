// The rows of the shown messages, one for each. Only those that changed are filled and placed again.

import { IgnoredRows } from "./ignored-rows.js";
import { blankRow, fill, place } from "./message.js";
import { fillQuote } from "./reply.js";

export class MessageRows {
  /**
   * context(message): fill()'s third argument; quoted(seq): the message as a quote shows it; clock: the server's time; focusLost(): the row that had the focus is removed;
   * ignores(id): whom this person ignores; unfolded(): messages of an ignored person were opened or folded.
   */
  constructor(list, { context, quoted, clock, focusLost, ignores, unfolded }) {
    Object.assign(this, { list, context, quoted, clock, focusLost });
    this.ignored = new IgnoredRows(list, { ignores, changed: unfolded });
    this.bySeq = new Map();
    this.edited = null;
    this.divided = {};
  }

  get(seq) {
    return this.bySeq.get(seq);
  }

  clear() {
    this.bySeq.clear();
    this.list.replaceChildren();
  }

  /** changed: the seqs of new and changed messages; isEverything: the shown range has changed too. Answers the rows drawn. */
  draw(room, { changed, isEverything }) {
    this.sync(room.shown, changed);
    const drawn = [];
    for (const seq of changed) {
      const message = room.shown.find(seq);
      if (!message) continue;
      fill(this.get(seq), message, this.context(message));
      drawn.push(this.get(seq));
    }
    this.place(room.shown, changed, isEverything);
    this.ignored.draw(room.shown.messages, (seq) => this.get(seq));
    this.drawQuotes(changed, isEverything);
    return drawn;
  }

  /** A line above the first new message. */
  divide(seq, label) {
    this.divided = { seq, label };
    this.list.querySelector(".is-new-here")?.classList.remove("is-new-here");
    this.mark(seq);
  }

  /** The message that is being edited; null: none. */
  markEdited(seq) {
    this.edited = seq;
    this.list.querySelector(".is-being-edited")?.classList.remove("is-being-edited");
    this.mark(seq);
  }

  sync(shown, changed) {
    for (const [seq, row] of this.bySeq) if (!shown.find(seq)) this.remove(seq, row);
    let next = this.list.firstElementChild;
    for (const { seq } of shown.messages) {
      const known = this.get(seq);
      if (known) {
        next = known.nextElementSibling;
        continue;
      }
      this.list.insertBefore(this.newRow(seq), next);
      changed.add(seq);
    }
  }

  remove(seq, row) {
    if (row.contains(document.activeElement)) this.focusLost();
    row.remove();
    this.bySeq.delete(seq);
  }

  newRow(seq) {
    const row = blankRow();
    row.dataset.seq = seq;
    this.bySeq.set(seq, row);
    this.mark(seq);
    return row;
  }

  mark(seq) {
    const row = this.get(seq);
    if (!row) return;
    row.classList.toggle("is-being-edited", seq === this.edited);
    row.classList.toggle("is-new-here", seq === this.divided.seq);
    if (seq === this.divided.seq) row.dataset.news = this.divided.label;
  }

  /** A row and the one below it depend on their neighbours. */
  place({ messages }, changed, isEverything) {
    const now = this.clock.now();
    messages.forEach((message, at) => {
      const isNear = changed.has(message.seq) || changed.has(messages[at - 1]?.seq);
      if (isNear || isEverything) place(this.get(message.seq), message, messages[at - 1], now);
    });
  }

  /** The quotes of changed messages, or all of them: the quoted message may have changed, arrived or been dropped. */
  drawQuotes(changed, isEverything) {
    for (const quote of this.list.querySelectorAll(".message-quote")) {
      const answers = Number(quote.dataset.answers);
      if (isEverything || changed.has(answers)) fillQuote(quote.closest(".message"), answers, this.quoted(answers));
    }
  }
}
