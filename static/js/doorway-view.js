// The doorway of a room in which this person is not: locked, with a passphrase, banned, removed. What was told before stays in
// sight; the doorway takes the place of the message box.

import { t } from "./language.js";
import { doorOf } from "./room-door.js";

export class DoorwayView {
  /** clock: the server's time; again(room, passphrase): the person wants in; left(name). */
  constructor({ clock, again, left }) {
    Object.assign(this, { clock, again });
    this.element = document.getElementById("room-door");
    for (const part of ["title", "text", "reason", "submit", "leave"]) this[part] = document.getElementById(`room-door-${part}`);
    this.field = document.getElementById("room-door-field").content.firstElementChild;
    this.box = this.field.querySelector("input"); // in the page only while it is asked for: one field named "Passphrase" at a time
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submitForm();
    });
    this.leave.addEventListener("click", () => left(this.room.name));
  }

  /** The active room, or a change of its standing. */
  show(room) {
    const isOther = this.room !== room || this.shown !== room.refusal;
    Object.assign(this, { room, shown: room.refusal });
    this.element.hidden = !room.refusal;
    if (!room.refusal) {
      this.box.value = "";
      return;
    }
    this.draw();
    if (isOther && !this.element.contains(document.activeElement)) this.focus();
  }

  /** Once a second while something counts down. Answers whether it does. */
  draw() {
    if (!this.room?.refusal) return false;
    const { title, text, reason, wait, counts, asksPassphrase, isTrouble } = doorOf(this.room.refusal, this.clock.now());
    write(this.title, title);
    write(this.text, text);
    this.text.setAttribute("aria-live", counts ? "off" : "polite");
    this.text.classList.toggle("is-trouble", isTrouble);
    write(this.reason, reason);
    if (!asksPassphrase) this.field.remove();
    else if (!this.field.isConnected) this.reason.after(this.field); // moving it would take the focus from it
    this.box.setAttribute("aria-invalid", String(isTrouble));
    this.submit.disabled = wait !== "";
    write(this.submit, wait ? t("Come in again in {time}", { time: wait }) : asksPassphrase ? t("Come in") : t("Try to come in"));
    return counts;
  }

  focus() {
    const target = this.field.isConnected ? this.box : this.title;
    target.focus({ preventScroll: true });
  }

  submitForm() {
    const { error } = this.room.refusal;
    if (error === "wrong_passphrase" && !this.box.value) {
      this.box.focus();
      return;
    }
    this.again(this.room, this.field.isConnected ? this.box.value : undefined);
  }
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
  element.hidden = !text;
}
