// Where one writes. What is typed stays here until it is safely in the outbox: on any refusal, over a reload, per room.
// What it is about (a new message, an answer, an edit) is the subject's to know.

import { write } from "./isolate.js";
import { StrayInput } from "./stray-input.js";
import { Subject } from "./subject.js";
import { isBlank, trimmed } from "./text.js";

const TYPING_EVERY = 3_000;
const WARN_BELOW = 200;
const TALLEST = 200;

export class Composer {
  /**
   * say(text) answers a sentence (or a promise of one) where the text may not go; typing() tells the room; limit() in
   * characters; up() hears arrow up in an empty box.
   */
  constructor({ storage, say, typing, limit, up, editing }) {
    Object.assign(this, { storage, say, typing, limit, up });
    this.subject = new Subject({ storage, editing, cancelled: () => this.cancel() });
    this.form = document.getElementById("composer");
    this.box = document.getElementById("message");
    this.button = this.form.querySelector(".send");
    this.sentence = document.getElementById("composer-sentence");
    this.lastTyping = 0;
    this.stray = new StrayInput({ box: this.box, refuse: (sentence) => this.tell(sentence) });
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("input", () => this.changed());
    // On a phone a tap on Send must not close the keyboard.
    this.button.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  show(room) {
    this.room = room;
    this.subject.show(room);
    this.box.placeholder = `Message #${room}`;
    this.fill();
  }

  /** What was typed here before. */
  fill() {
    this.box.value = this.storage.get(this.subject.slot) ?? "";
    this.look();
  }

  /** Begins an answer to a message ({seq, nickname, text} of it); what is typed already stays. */
  reply(answered) {
    if (this.subject.isEdit) this.subject.end();
    this.subject.be({ verb: "reply", ...answered });
    this.fill();
    this.focus();
  }

  /** Puts one's own message into the box. The draft that was there comes back after it. */
  edit({ seq, text }) {
    this.subject.be({ verb: "edit", seq });
    this.storage.set(this.subject.slot, text);
    this.fill();
    this.focus();
    this.box.setSelectionRange(text.length, text.length);
  }

  cancel() {
    this.subject.end();
    this.fill();
    this.focus();
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** Puts a text back in front of what stands there; `answered` is what it was an answer to, if any. */
  takeBack(text, answered) {
    const draft = this.storage.get(`draft:${this.room}`) ?? "";
    this.storage.set(`draft:${this.room}`, draft.trim() ? `${text}\n${draft}` : text);
    if (answered) this.subject.be({ verb: "reply", ...answered });
    this.fill();
    this.focus();
  }

  key(event) {
    if (event.isComposing || event.keyCode === 229 || event.shiftKey) return;
    if (event.key === "Escape" && this.subject.now) this.cancel();
    else if (event.key === "ArrowUp" && !this.box.value && !this.subject.now) this.up();
    else if (event.key === "Enter") this.form.requestSubmit(this.button.disabled ? undefined : this.button);
    else return;
    event.preventDefault();
  }

  async submit(event) {
    event.preventDefault();
    const text = trimmed(this.box.value);
    if (isBlank(text) || this.excess > 0) return;
    const { room, subject: { slot } } = this;
    const answer = this.say(text);
    const refusal = answer instanceof Promise ? await answer : answer;
    if (refusal) this.tell(refusal);
    else this.clear(room, slot, text);
  }

  /** The text is safe elsewhere. What was typed meanwhile, or in another room, stays. */
  clear(room, slot, text) {
    if (trimmed(this.storage.get(slot) ?? "") === text) this.storage.remove(slot);
    if (this.room !== room) this.subject.endElsewhere(room, slot);
    else if (this.subject.slot === slot && trimmed(this.box.value) === text) this.empty();
  }

  empty() {
    if (this.subject.isEdit) this.subject.end();
    else this.storage.remove(this.subject.slot);
    this.lastTyping = 0;
    this.fill();
  }

  changed() {
    this.keep();
    this.look();
    const now = Date.now();
    if (this.subject.isEdit || isBlank(this.box.value) || this.box.value.startsWith("/") || now - this.lastTyping < TYPING_EVERY) return;
    this.lastTyping = now;
    this.typing();
  }

  keep() {
    if (this.box.value) this.storage.set(this.subject.slot, this.box.value);
    else this.storage.remove(this.subject.slot);
    if (!this.box.value) this.lastTyping = 0;
  }

  look() {
    const left = -this.excess;
    this.nameButton();
    this.button.disabled = isBlank(this.box.value) || left < 0;
    this.tell(lengthSentence(left), left < 0);
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, TALLEST)}px`;
  }

  nameButton() {
    const { isEdit } = this.subject;
    this.button.dataset.verb = isEdit ? "edit" : "send";
    write(this.button.querySelector("span"), isEdit ? "Save" : "Send");
    this.box.enterKeyHint = isEdit ? "done" : "send";
  }

  tell(sentence, isTrouble = true) {
    write(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
  }

  /** The server counts characters, not UTF-16 units. */
  get excess() {
    return [...trimmed(this.box.value)].length - this.limit();
  }
}

function lengthSentence(left) {
  if (left >= WARN_BELOW) return "";
  if (left >= 0) return `${left} characters left`;
  return `${-left} ${left === -1 ? "character" : "characters"} too long to send`;
}
