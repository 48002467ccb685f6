// Short-lived sentences for the person: the server's notices, refusals, help.

import { write } from "./isolate.js";

const SHOWN_MS = 10_000;
const MAX_NOTICES = 3;

export class Notices {
  constructor() {
    this.element = document.getElementById("notices");
  }

  /** lasting: stays until it is dismissed. */
  show(text, { lasting = false } = {}) {
    const notice = document.createElement("div");
    const sentence = document.createElement("p");
    notice.className = "notice";
    write(sentence, text);
    notice.append(sentence, dismissal(notice));
    this.element.append(notice);
    while (this.element.children.length > MAX_NOTICES) this.element.firstElementChild.remove();
    if (!lasting) setTimeout(() => notice.remove(), SHOWN_MS);
  }
}

function dismissal(notice) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "text-button";
  button.textContent = "Dismiss";
  button.addEventListener("click", () => notice.remove());
  return button;
}
