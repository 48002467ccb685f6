// Sentences for the person: what the server has to say, what was refused, help.

import { write } from "./isolate.js";

const SHOWN = 10_000;
const AT_MOST = 3;

export class Notices {
  constructor() {
    this.frame = document.getElementById("notices");
  }

  /** lasting: stays until it is dismissed. */
  tell(text, { lasting = false } = {}) {
    const notice = document.createElement("div");
    const sentence = document.createElement("p");
    notice.className = "notice";
    write(sentence, text);
    notice.append(sentence, dismissal(notice));
    this.frame.append(notice);
    while (this.frame.children.length > AT_MOST) this.frame.firstElementChild.remove();
    if (!lasting) setTimeout(() => notice.remove(), SHOWN);
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
