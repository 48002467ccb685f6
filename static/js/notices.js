// Short-lived sentences for the person: the server's notices, refusals, help.

import { write } from "./isolate.js";
import { t } from "./language.js";

const SHOWN_MS = 10_000;
const MAX_NOTICES = 3;

export class Notices {
  constructor() {
    this.element = document.getElementById("notices");
  }

  /**
   * lasting: stays until it is dismissed. action: {label, run()}: a button, after which the notice goes; where run() returns a
   * Promise, when that is settled, so that whoever sees the notice go knows that it is done. about: the state that it tells of, by
   * itself its own sentence: of each state one notice is shown, until it has passed.
   */
  show(text, { lasting = false, action, about = action ? null : text } = {}) {
    const notice = document.createElement("div");
    const sentence = document.createElement("p");
    if (about !== null) this.passed(about);
    notice.className = "notice";
    notice.about = about;
    write(sentence, text);
    if (lasting) sentence.tabIndex = 0; // it may be long enough to be scrolled
    notice.append(sentence, buttons(notice, action));
    this.element.append(notice);
    while (this.element.children.length > MAX_NOTICES) this.element.firstElementChild.remove();
    if (!lasting) setTimeout(() => notice.querySelector(":disabled") || notice.remove(), SHOWN_MS); // what is being done goes when it is done
  }

  /** What it tells is so no longer. */
  passed(about) {
    for (const notice of [...this.element.children]) if (notice.about === about) notice.remove();
  }
}

function buttons(notice, action) {
  const group = document.createElement("div");
  group.className = "notice-buttons";
  if (action) group.append(button(action.label, (pressed) => act(notice, pressed, action.run)));
  group.append(button(t("Dismiss"), () => notice.remove()));
  return group;
}

async function act(notice, pressed, run) {
  pressed.disabled = true; // pressed twice it would be done twice
  try {
    await run();
  } finally {
    notice.remove();
  }
}

function button(label, run) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "text-button";
  made.textContent = label;
  made.addEventListener("click", () => run(made));
  return made;
}
