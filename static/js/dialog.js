// A dialog in front of the room: what is behind it is out of reach, Escape, the browser's Back and Cancel close it, and the
// focus goes back to where it was.

import { write } from "./isolate.js";
import { elementOf } from "./late-page.js";

const STOPS = "button, input, select, textarea, a[href], [tabindex]";

export class Dialog {
  /** id of its element in the page; overlays: the browser's Back; layout: covers the room. submitted(form): on submit. */
  constructor(id, { overlays, layout, submitted = () => {}, closed = () => {} }) {
    Object.assign(this, { id, overlays, layout, submitted, closed });
    this.element = document.getElementById(id) ?? document.body.appendChild(elementOf(id));
    this.card = this.element.firstElementChild;
    this.form = this.card.querySelector("form");
    this.sentence = this.card.querySelector(".dialog-sentence");
    this.title = this.card.querySelector("h2");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submitted(this.form);
    });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("pointerdown", ({ target }) => target === this.element && this.close());
    for (const button of this.card.querySelectorAll("[data-close]")) button.addEventListener("click", () => this.close());
    this.card.tabIndex = -1; // a click beside its controls leaves the keys to it
    this.card.remove(); // it is in the page only while it is open, so that no two fields there have one name
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** The element with this `data-part`. */
  part(name) {
    return this.card.querySelector(`[data-part="${name}"]`);
  }

  open(title) {
    this.showTitle(title);
    this.showSentence("");
    this.returnTo = document.activeElement;
    this.element.append(this.card);
    this.element.hidden = false;
    this.layout.coverRoom();
    this.overlays.opened(this.id, () => this.close());
    (this.card.querySelector("[data-first]") ?? this.title).focus({ preventScroll: true });
  }

  close() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.card.remove();
    this.overlays.closed(this.id);
    this.layout.uncoverRoom();
    if (this.returnTo?.isConnected) this.returnTo.focus({ preventScroll: true });
    this.closed();
  }

  showTitle(title) {
    write(this.title, title);
  }

  showSentence(sentence, isTrouble = true) {
    write(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
  }

  /** Escape closes; Tab stays within, also where the page around could be reached. */
  key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Tab") {
      const stops = [...this.card.querySelectorAll(STOPS)].filter((one) => !one.disabled && one.tabIndex >= 0 && one.offsetParent);
      const [edge, next] = event.shiftKey ? [stops[0], stops[stops.length - 1]] : [stops[stops.length - 1], stops[0]];
      const at = document.activeElement;
      const isAtEdge = isSameStop(at, edge) || (event.shiftKey && !stops.includes(at));
      if (!isAtEdge) return;
      (stops.find((one) => one.checked && isSameStop(one, next)) ?? next)?.focus();
    } else return;
    event.stopPropagation();
    event.preventDefault();
  }
}

/** Choices of which one can be made are one stop of the Tab key. */
function isSameStop(one, other) {
  return one === other || (one.type === "radio" && other?.type === "radio" && one.name === other.name);
}
