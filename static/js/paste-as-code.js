// Code that was pasted into the message box can become a block of code: a quiet button says so, until something else is
// typed. Nothing that was pasted changes by itself.

import { replaceRange } from "./box-text.js";
import { fenced, isCode, isInFence, languageOf } from "./pasted-code.js";

export class PasteAsCode {
  /** button: shown while there is something to offer. */
  constructor({ box, button }) {
    Object.assign(this, { box, button });
    this.offer = null;
    box.addEventListener("paste", (event) => this.pasted(event));
    box.addEventListener("input", ({ inputType }) => this.changed(inputType));
    box.form.addEventListener("submit", () => this.end());
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("click", () => this.accept());
  }

  pasted({ clipboardData }) {
    this.end();
    const text = (clipboardData?.getData("text/plain") ?? "").replace(/\r\n?/g, "\n");
    const [html, editor] = ["text/html", "vscode-editor-data"].map((kind) => clipboardData?.getData(kind) ?? "");
    const { value, selectionStart: start } = this.box;
    if (!isCode({ text, html, editor }) || isInFence(value.slice(0, start))) return;
    this.pending = { start, text, language: languageOf(editor) };
  }

  /** The browser has inserted what was pasted; or something else was typed. */
  changed(inputType) {
    const { pending } = this;
    this.end();
    if (!pending || (inputType && inputType !== "insertFromPaste")) return;
    if (!this.box.value.startsWith(pending.text, pending.start)) return;
    this.offer = pending;
    this.button.hidden = false;
  }

  end() {
    this.offer = null;
    this.pending = null;
    this.button.hidden = true;
  }

  accept() {
    const { offer, box } = this;
    if (!offer) return;
    const end = offer.start + offer.text.length;
    const [before, after] = [box.value.slice(0, offer.start), box.value.slice(end)];
    replaceRange(box, offer.start, end, fenced(offer.text, { before, after, language: offer.language }));
    this.end();
  }
}
