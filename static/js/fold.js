// Tall messages are folded: the beginning is shown, with a button for the rest. A search or a link in the hidden part unfolds it.

import { t } from "./language.js";
import { part } from "./message-parts.js";

const SLACK = 60; // CSS pixels: for less than this, no button

export class Fold {
  /** toggled(): one was folded or unfolded. */
  constructor(log, { toggled }) {
    Object.assign(this, { log, toggled });
    log.addEventListener("click", ({ target }) => target.matches(".message-more") && this.pressed(target));
    // Find in page, a link reached by Tab: the browser scrolls to what is hidden.
    log.addEventListener("scroll", ({ target }) => this.reached(target), { capture: true, passive: true });
  }

  /** Folds the rows that are too tall, once they are in the page. All are measured before any is changed. */
  measure(rows) {
    const tall = [...rows].filter((row) => row.querySelector(".is-tall") && !row.matches(".is-unfolded"));
    for (const row of tall) row.classList.add("is-folded");
    const measured = tall.map((row) => [row, hiddenOf(row.querySelector(".message-text"))]);
    for (const [row, hidden] of measured) {
      row.classList.toggle("is-folded", hidden > SLACK);
      part(row, "message-more", hidden > SLACK);
    }
    for (const row of rows) if (!row.querySelector(".is-tall")) this.removeFold(row);
  }

  unfold(row) {
    if (row?.matches(".is-folded")) this.set(row, false);
  }

  pressed(button) {
    const row = button.closest(".message");
    this.set(row, row.matches(".is-unfolded"));
    if (row.matches(".is-folded")) row.scrollIntoView({ block: "nearest" });
    this.toggled();
  }

  reached(text) {
    if (!text.matches(".is-folded > .message-text")) return;
    text.scrollTop = 0;
    this.unfold(text.parentElement);
    text.querySelector(":focus")?.scrollIntoView({ block: "nearest" }); // unfolding moved it
  }

  set(row, isFolded) {
    const button = part(row, "message-more");
    row.classList.toggle("is-folded", isFolded);
    row.classList.toggle("is-unfolded", !isFolded);
    button.setAttribute("aria-expanded", String(!isFolded));
    button.textContent = isFolded ? t("Show more") : t("Show less");
  }

  /** After an edit that made it short. */
  removeFold(row) {
    row.classList.remove("is-folded", "is-unfolded");
    part(row, "message-more", false);
  }
}

function hiddenOf(text) {
  return text.scrollHeight - text.clientHeight;
}
