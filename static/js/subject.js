// What the composer is about: a new message (null), an answer to one, or the edit of one's own. Kept per room over a reload,
// and shown as a line above the box. An edit lies on top: the answer that was begun before it comes back after it.

import { isolate, write } from "./isolate.js";
import { readJson, subject } from "./stored.js";

export class Subject {
  /** cancelled() hears the cross of the line; editing(seq) which message is edited, null for none. */
  constructor({ storage, editing, cancelled }) {
    Object.assign(this, { storage, editing });
    this.line = document.getElementById("subject");
    this.line.querySelector("button").addEventListener("click", cancelled);
    // The keyboard of a phone stays open.
    this.line.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get isEdit() {
    return this.now?.verb === "edit";
  }

  /** Where the words are kept: an edit has a place of its own, so the draft behind it stays as it is. */
  get slot() {
    return `${this.isEdit ? "edited" : "draft"}:${this.room}`;
  }

  show(room) {
    this.room = room;
    this.draw();
  }

  /** {verb: "reply" | "edit", seq, nickname, text} */
  be(matter) {
    if (matter.verb === "edit") this.storage.remove(`edited:${this.room}`);
    this.storage.set(`${matter.verb}:${this.room}`, JSON.stringify(matter));
    this.draw();
  }

  /** What it was about before, or a new message again. Answers what it was about until now. */
  end() {
    const { now, room } = this;
    if (this.isEdit) this.storage.remove(this.slot);
    if (now) this.storage.remove(`${now.verb}:${room}`);
    this.draw();
    return now;
  }

  /** An edit that was saved after one went to another room. */
  endElsewhere(room, slot) {
    if (slot === `edited:${room}` && this.storage.get(slot) === null) this.storage.remove(`edit:${room}`);
  }

  draw() {
    const [title, text] = this.line.querySelectorAll("span");
    this.now = this.stored("edit") ?? this.stored("reply");
    this.editing(this.isEdit ? this.now.seq : null);
    this.line.hidden = !this.now;
    this.line.dataset.verb = this.now?.verb ?? "";
    const [about, words] = this.now ? SAID[this.now.verb](this.now) : ["", ""];
    write(title, about);
    text.textContent = words;
  }

  stored(verb) {
    return readJson(this.storage, `${verb}:${this.room}`, (row) => subject({ ...row, verb }));
  }
}

const SAID = {
  edit: () => ["Editing", "· Esc to cancel"],
  reply: ({ nickname, text }) => [nickname ? `Replying to ${isolate(nickname)}:` : "Replying to", text],
};
