// The box to write in. A text stays in it until the outbox has it: after a refusal, over a reload, for each room. Whether
// it is a new message, a reply or an edit is in composer-context.js.

import { oncePerFrame } from "./animation-frame.js";
import { ComposerContext } from "./composer-context.js";
import { plain, write } from "./isolate.js";
import { t, tn } from "./language.js";
import { StrayInput } from "./stray-input.js";
import { isBlank, trimmed } from "./text.js";

const TYPING_EVERY_MS = 3_000;
const WARN_BELOW = 200; // characters left
const MIN_GROWN = 96; // CSS pixels

export class Composer {
  /**
   * submit(text) answers a sentence (or a promise of one) where the text is refused; typing(): somebody types; limit() in
   * characters; editing(seq): as in composer-context.js; editLast(): arrow up in an empty box; files: see
   * late-files.js.
   */
  constructor({ storage, submit, typing, limit, editLast, editing, files }) {
    Object.assign(this, { storage, submit, typing, limit, editLast, files });
    this.context = new ComposerContext({ storage, editing, cancelled: () => this.cancel() });
    this.form = document.getElementById("composer");
    this.box = document.getElementById("message");
    this.button = this.form.querySelector(".send");
    this.sentence = document.getElementById("composer-sentence");
    this.silenceLine = document.getElementById("composer-silence");
    this.silenced = "";
    this.lastTyping = 0;
    this.stray = new StrayInput({ box: this.box, refuse: (sentence) => this.showSentence(sentence), files: files.isOn && ((transfer) => files.takeFrom(transfer)) });
    this.form.addEventListener("submit", (event) => this.submitForm(event));
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("input", () => this.changed());
    new ResizeObserver(oncePerFrame(() => this.fit())).observe(this.box); // the window is narrower, the text larger
    // On a phone a tap on Send must not close the keyboard.
    this.button.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  /** label: the room as sentences name it. */
  show(room, label) {
    const typedBefore = this.room ? "" : this.box.value; // while the script was on its way
    this.room = room;
    this.context.show(room);
    if (typedBefore && !this.storage.get(this.context.key)) this.storage.set(this.context.key, typedBefore);
    this.call(label);
    this.fill();
    this.files.changed(room);
  }

  /** label: the room as sentences name it, which may change. */
  call(label) {
    this.box.placeholder = t("Message {room}", { room: label });
  }

  /** Puts the stored draft into the box. */
  fill() {
    this.box.value = this.storage.get(this.context.key) ?? "";
    this.update();
  }

  /** Begins a reply to {seq, nickname, text}; what is typed already stays. */
  reply(quoted) {
    if (this.context.isEdit) this.context.end();
    this.context.set({ verb: "reply", ...quoted });
    this.fill();
    this.focus();
  }

  /** Puts one's own message into the box. The draft that was there comes back after it. */
  edit({ seq, text }) {
    this.context.set({ verb: "edit", seq });
    this.storage.set(this.context.key, text);
    this.fill();
    this.focus();
    this.box.setSelectionRange(text.length, text.length);
  }

  cancel() {
    this.context.end();
    this.fill();
    this.focus();
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** Puts a text back in front of the draft; `quoted` is what it was a reply to, if any. */
  takeBack(text, quoted) {
    const draft = this.storage.get(`draft:${this.room}`) ?? "";
    this.storage.set(`draft:${this.room}`, draft.trim() ? `${text}\n${draft}` : text);
    if (quoted) this.context.set({ verb: "reply", ...quoted });
    this.fill();
    this.focus();
  }

  /** sentence: why nothing can be sent now, for how long; empty: it can. What is typed stays. */
  silence(sentence) {
    if (sentence === this.silenced) return;
    this.silenced = sentence;
    write(this.silenceLine, sentence);
    this.silenceLine.hidden = !sentence;
    this.allowSending();
  }

  /** Commands are no messages, and an edit is not one more. */
  get isSilenced() {
    return Boolean(this.silenced) && !this.context.isEdit && !this.box.value.startsWith("/");
  }

  /** A file says enough without a text. */
  get isEmpty() {
    return isBlank(this.box.value) && !(this.files.hasSome && trimmed(this.box.value) === "");
  }

  allowSending() {
    this.button.disabled = this.isEmpty || this.excess > 0 || this.isSilenced;
  }

  key(event) {
    if (event.isComposing || event.keyCode === 229 || event.shiftKey) return;
    if (event.key === "Escape" && this.context.now) this.cancel();
    else if (event.key === "ArrowUp" && !this.box.value && !this.context.now) this.editLast();
    else if (event.key === "Enter") this.form.requestSubmit(this.button.disabled ? undefined : this.button);
    else return;
    event.preventDefault();
  }

  async submitForm(event) {
    event.preventDefault();
    const text = trimmed(this.box.value);
    if (this.isEmpty || this.excess > 0 || this.isSilenced) return;
    const { room, context: { key } } = this;
    const answer = this.submit(text);
    const refusal = answer instanceof Promise ? await answer : answer;
    if (refusal) this.showSentence(refusal);
    else this.clear(room, key, text);
  }

  /** The text was accepted. What was typed meanwhile, or in another room, stays. */
  clear(room, key, text) {
    if (trimmed(this.storage.get(key) ?? "") === text) this.storage.remove(key);
    if (this.room !== room) this.context.endElsewhere(room, key);
    else if (this.context.key === key && trimmed(this.box.value) === text) this.empty();
  }

  empty() {
    if (this.context.isEdit) this.context.end();
    else this.storage.remove(this.context.key);
    this.lastTyping = 0;
    this.fill();
  }

  changed() {
    this.store();
    this.update();
    const now = Date.now();
    if (this.silenced || this.context.isEdit || isBlank(this.box.value) || this.box.value.startsWith("/") || now - this.lastTyping < TYPING_EVERY_MS) return;
    this.lastTyping = now;
    this.typing();
  }

  store() {
    if (this.box.value) this.storage.set(this.context.key, this.box.value);
    else this.storage.remove(this.context.key);
    if (!this.box.value) this.lastTyping = 0;
  }

  update() {
    const left = -this.excess;
    this.nameButton();
    this.allowSending();
    this.showSentence(lengthSentence(left), left < 0);
    this.fit();
  }

  /** As high as what is typed, up to a third of the screen. The log above it must not grow while that is measured: it would lose its place. */
  fit() {
    const { box, form } = this;
    form.style.minHeight = `${form.offsetHeight}px`;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight + box.offsetHeight - box.clientHeight, thirdOfScreen())}px`;
    form.style.minHeight = "";
  }

  nameButton() {
    const { isEdit } = this.context;
    this.button.dataset.verb = isEdit ? "edit" : "send";
    write(this.button.querySelector("span"), isEdit ? t("Save") : t("Send"));
    this.box.enterKeyHint = isEdit ? "done" : "send";
  }

  /** This sentence is so no longer. */
  passed(sentence) {
    if (this.sentence.textContent === plain(sentence)) this.showSentence("");
  }

  showSentence(sentence, isTrouble = true) {
    write(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
  }

  /** The server counts characters, not UTF-16 units. */
  get excess() {
    return [...trimmed(this.box.value)].length - this.limit();
  }
}

/** Of what the keyboard of a phone leaves of it. */
function thirdOfScreen() {
  return Math.max(MIN_GROWN, (window.visualViewport?.height ?? innerHeight) / 3);
}

function lengthSentence(left) {
  if (left >= WARN_BELOW) return "";
  if (left >= 0) return tn("{n} character left", "{n} characters left", left);
  return tn("{n} character too long to send", "{n} characters too long to send", -left);
}
