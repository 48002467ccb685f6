// The topic in the room's head, edited where it stands: Enter keeps it, Escape leaves it. What was typed stays where it is refused.

import { t } from "./language.js";

export class TopicEditor {
  /** room(): the active one; save(topic) -> Promise of a sentence where it could not be done; left(): the keyboard leaves it. */
  constructor({ room, save, notify, left }) {
    Object.assign(this, { room, save, notify, left });
    const element = (id) => document.getElementById(id);
    [this.form, this.about, this.button] = ["topic-form", "room-about", "topic-edit"].map(element);
    this.box = this.form.elements.topic;
    this.button.addEventListener("click", () => this.open());
    element("room-topic").addEventListener("click", (event) => this.pressed(event));
    this.form.addEventListener("submit", (event) => (event.preventDefault(), this.submit()));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), this.close()));
    this.box.addEventListener("blur", () => this.box.value.trim() === this.room().topic && this.close(false));
  }

  /** Whether the person may, and has said so by what they see: "Add a topic" where there is none. */
  draw(room, may) {
    if (room !== this.shown) this.close(false);
    this.shown = room;
    this.button.hidden = !may;
    this.button.classList.toggle("is-empty", !room.topic);
    this.button.setAttribute("aria-label", room.topic ? t("Change the topic") : t("Add a topic"));
  }

  /** A finger shows no tooltip: it reads in a notice what is cut off. */
  pressed({ currentTarget: { scrollWidth, clientWidth, textContent }, pointerType }) {
    if (scrollWidth > clientWidth && pointerType === "touch") this.notify(textContent);
    else if (!this.button.hidden) this.open();
  }

  open() {
    this.box.value = this.room().topic;
    this.form.hidden = false;
    this.about.hidden = true;
    this.box.focus();
    this.box.select();
  }

  close(returnsFocus = true) {
    if (this.form.hidden) return;
    this.form.hidden = true;
    this.about.hidden = false;
    if (returnsFocus) this.left();
  }

  async submit() {
    const refusal = this.box.value.trim() === this.room().topic ? "" : await this.save(this.box.value);
    if (refusal) this.notify(refusal);
    else this.close();
  }
}
