// Folds the rows of ignored people: the first row of a run shows one line with a button, the others nothing, until it is pressed.

import { ignoredRuns } from "./ignored.js";
import { isolate, write } from "./isolate.js";
import { tn } from "./language.js";
import { part } from "./message-parts.js";
import { visible } from "./visible-text.js";

export class IgnoredRows {
  /** ignores(id); changed(): a run was opened or closed. */
  constructor(list, { ignores, changed }) {
    Object.assign(this, { list, ignores, changed });
    this.opened = new Set(); // the seqs whose runs are open
    this.runs = new Map();
    list.addEventListener("click", ({ target }) => {
      if (target.closest(".message-ignored")) this.toggle(Number(target.closest(".message").dataset.seq));
    });
  }

  /** get(seq) gives the row of a message. */
  draw(messages, get) {
    this.runs = ignoredRuns(messages, this.ignores);
    if (this.runs.size === 0 && !this.hasFolded) return;
    this.hasFolded = this.runs.size > 0;
    for (const { seq } of messages) this.fold(get(seq), seq, this.runs.get(seq));
  }

  fold(row, seq, run) {
    const isOpen = Boolean(run) && run.seqs.some((one) => this.opened.has(one));
    const isFirst = run?.seqs[0] === seq;
    row.classList.toggle("is-ignored", Boolean(run) && !isOpen);
    row.classList.toggle("is-ignored-rest", Boolean(run) && !isOpen && !isFirst);
    if (run) row.setAttribute("aria-live", "off");
    else row.removeAttribute("aria-live");
    const button = part(row, "message-ignored", isFirst);
    if (!button) return;
    write(button, lineOf(run, isOpen));
    button.setAttribute("aria-expanded", String(isOpen));
  }

  /** A link or a search leads to this message. */
  open(seq) {
    if (!this.runs.has(seq) || this.opened.has(seq)) return;
    this.opened.add(seq);
    this.changed();
  }

  toggle(seq) {
    const { seqs } = this.runs.get(seq) ?? { seqs: [] };
    const isOpen = seqs.some((one) => this.opened.has(one));
    for (const one of seqs) this.opened.delete(one);
    if (!isOpen) this.opened.add(seq);
    this.changed();
  }
}

function lineOf({ seqs, nickname }, isOpen) {
  const who = isolate(visible(nickname));
  if (isOpen) return tn("{n} message of {who}, whom you ignore · Hide", "{n} messages of {who}, whom you ignore · Hide", seqs.length, { who });
  return tn("{n} message of {who}, whom you ignore · Show", "{n} messages of {who}, whom you ignore · Show", seqs.length, { who });
}
