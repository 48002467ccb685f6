// The context of the composer: a new message (null), a reply, or the edit of one's own message. Stored for each room, so that
// it outlives a reload, and shown as a line above the box. An edit covers a reply that was begun before it; the reply comes
// back when the edit ends.

import { isolate, write } from "./isolate.js";
import { t } from "./language.js";
import { composerContext, readJson } from "./storage-readers.js";

export class ComposerContext {
  /** cancelled(): the line's cross was pressed; editing(seq): which message is edited, null for none. */
  constructor({ storage, editing, cancelled }) {
    Object.assign(this, { storage, editing });
    this.line = document.getElementById("subject");
    this.line.querySelector("button").addEventListener("click", cancelled);
    // Keep the keyboard of a phone open.
    this.line.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get isEdit() {
    return this.now?.verb === "edit";
  }

  /** The storage key of the text: an edit has its own, so the draft it covers stays as it is. */
  get key() {
    return `${this.isEdit ? "edited" : "draft"}:${this.room}`;
  }

  show(room) {
    this.room = room;
    this.draw();
  }

  /** {verb: "reply" | "edit", seq, nickname, text} */
  set(context) {
    if (context.verb === "edit") this.storage.remove(`edited:${this.room}`);
    this.storage.set(`${context.verb}:${this.room}`, JSON.stringify(context));
    this.draw();
  }

  /** Back to the covered reply, or to a new message. Answers the context until now. */
  end() {
    const { now, room } = this;
    if (this.isEdit) this.storage.remove(this.key);
    if (now) this.storage.remove(`${now.verb}:${room}`);
    this.draw();
    return now;
  }

  /** An edit was saved after another room was shown. */
  endElsewhere(room, key) {
    if (key === `edited:${room}` && this.storage.get(key) === null) this.storage.remove(`edit:${room}`);
  }

  draw() {
    const [title, text] = this.line.querySelectorAll("span");
    this.now = this.stored("edit") ?? this.stored("reply");
    this.editing(this.isEdit ? this.now.seq : null);
    this.line.hidden = !this.now;
    this.line.dataset.verb = this.now?.verb ?? "";
    const [label, quote] = this.now ? LABELS[this.now.verb](this.now) : ["", ""];
    write(title, label);
    text.textContent = quote;
  }

  stored(verb) {
    return readJson(this.storage, `${verb}:${this.room}`, (row) => composerContext({ ...row, verb }));
  }
}

const LABELS = {
  edit: () => [t("Editing"), t("· Esc to cancel")],
  reply: ({ nickname, text }) => [nickname ? t("Replying to {who}:", { who: isolate(nickname) }) : t("Replying to"), text],
};
