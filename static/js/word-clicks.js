// Clicks on what is within a message, or a room's welcome: the name of a room opens it in this page, a block of code is copied.

import { copied } from "./clipboard.js";
import { t } from "./language.js";

const DONE_MS = 1_500;

export class WordClicks {
  /** open(room); notify(sentence). */
  constructor(element, { open, notify }) {
    Object.assign(this, { open, notify });
    element.addEventListener("click", (event) => this.clicked(event));
  }

  clicked(event) {
    const link = event.target.closest?.(".room-link");
    const copy = event.target.closest?.(".code-copy");
    if (copy) this.copy(copy);
    else if (link && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      this.open(link.dataset.room);
    }
  }

  async copy(button) {
    if (!(await copied(button.parentElement.querySelector("pre").textContent))) {
      this.notify(t("The browser does not let this page copy. Select the code and copy it by hand."));
      return;
    }
    button.classList.add("is-done");
    button.setAttribute("aria-label", t("Copied"));
    setTimeout(() => {
      button.classList.remove("is-done");
      button.setAttribute("aria-label", t("Copy the code"));
    }, DONE_MS);
  }
}

/** A sentence on whether the text of a message, as it was typed, was copied. */
export async function copyText({ text, kind }) {
  const isCopied = await copied(kind === "action" ? `/me ${text}` : text);
  return isCopied ? t("The text is copied as it was typed.") : t("The browser does not let this page copy. Select the text and copy it by hand.");
}
