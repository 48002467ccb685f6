// Pictures of a room, large: over the page, by arrow keys from one to the next. Loaded when the first one is opened.

import { dayAndTime } from "./day-and-time.js";
import { isRightToLeft, t } from "./language.js";
import { elementOf } from "./late-page.js";
import { addressOf, hooks, isPicture } from "./message-file.js";
import { visible } from "./visible-text.js";

const NEXT = isRightToLeft ? -1 : 1; // what is to the right of a picture

export class Viewer {
  constructor({ layout, overlays }) {
    Object.assign(this, { layout, overlays });
    this.element = elementOf("viewer");
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", ({ target }) => this.clicked(target));
    const image = this.part("image");
    image.addEventListener("load", () => this.element.classList.remove("is-loading"));
    image.addEventListener("error", () => {
      this.element.classList.remove("is-loading");
      if (image.src) hooks.load(image, image.src);
    });
    this.listenToSwipes();
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  /** messages: of the room, as they are held here; opener: what gets the focus back. */
  open(messages, seq, opener) {
    this.opener = opener;
    this.messages = messages.filter(({ file, deleted }) => file && !deleted && isPicture(file));
    this.at = this.messages.findIndex((message) => message.seq === seq);
    if (this.at < 0) return;
    document.body.append(this.element);
    this.layout.coverRoom();
    this.overlays.opened("viewer", () => this.close());
    this.draw();
    this.part("close").focus({ preventScroll: true });
  }

  close() {
    if (!this.element.isConnected) return;
    this.element.remove();
    this.part("image").removeAttribute("src");
    this.overlays.closed("viewer");
    this.layout.uncoverRoom();
    if (this.opener.isConnected) this.opener.focus({ preventScroll: true });
  }

  draw() {
    const { file, text, nickname, at } = this.messages[this.at];
    const image = this.part("image");
    this.element.classList.add("is-loading");
    delete image.dataset.byToken;
    Object.assign(image, { width: file.width, height: file.height, src: addressOf(file), alt: visible(text.trim() || file.name) });
    this.part("name").textContent = visible(file.name);
    this.part("who").textContent = visible(nickname);
    this.part("when").textContent = dayAndTime(at);
    this.part("caption").textContent = visible(text);
    this.part("caption").hidden = text.trim() === "";
    this.part("place").textContent = this.messages.length > 1 ? t("{n} of {count}", { n: this.at + 1, count: this.messages.length }) : "";
    Object.assign(this.part("download"), { href: addressOf(file), download: file.name });
    this.part("previous").disabled = this.at === 0;
    this.part("next").disabled = this.at === this.messages.length - 1;
  }

  step(by) {
    const to = this.at + by;
    if (to < 0 || to >= this.messages.length) return;
    this.at = to;
    const had = document.activeElement;
    this.draw();
    if (had?.disabled) this.part("close").focus({ preventScroll: true });
  }

  clicked(target) {
    const name = target.closest("[data-part]")?.dataset.part;
    if (name === "previous") this.step(-1);
    else if (name === "next") this.step(1);
    else if (name === "close" || name === "stage") this.close(); // beside the picture
  }

  key(event) {
    const steps = { ArrowLeft: -NEXT, ArrowUp: -1, ArrowRight: NEXT, ArrowDown: 1, Home: -this.messages.length, End: this.messages.length };
    if (event.key === "Escape") this.close();
    else if (event.key === "Tab") this.trap(event);
    else if (event.key in steps) this.step(Math.max(-this.at, Math.min(this.messages.length - 1 - this.at, steps[event.key])));
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  }

  trap(event) {
    const stops = [...this.element.querySelectorAll("button, a[href]")].filter((one) => !one.disabled);
    const edge = event.shiftKey ? stops[0] : stops[stops.length - 1];
    if (document.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? stops[stops.length - 1] : stops[0]).focus();
  }

  listenToSwipes() {
    let start = null;
    this.element.addEventListener("pointerdown", ({ pointerType, clientX }) => (start = pointerType === "touch" ? clientX : null));
    this.element.addEventListener("pointerup", ({ clientX }) => {
      if (start !== null && Math.abs(clientX - start) > 60) this.step(clientX < start ? NEXT : -NEXT);
      start = null;
    });
  }
}
