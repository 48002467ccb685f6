// Where one writes. What is typed stays here until it is safely in the outbox: on any refusal, over a reload, per room.

const TYPING_EVERY = 3_000;
const WARN_BELOW = 200;
const TALLEST = 200;

export class Composer {
  /** say(text) answers a sentence (or a promise of one) where the text may not go; typing() tells the room; limit() in characters. */
  constructor({ storage, say, typing, limit }) {
    Object.assign(this, { storage, say, typing, limit });
    this.form = document.getElementById("composer");
    this.box = document.getElementById("message");
    this.button = this.form.querySelector("button");
    this.sentence = document.getElementById("composer-sentence");
    this.lastTyping = 0;
    this.form.addEventListener("submit", (event) => this.submit(event));
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("input", () => this.changed());
    // On a phone a tap on Send must not close the keyboard.
    this.button.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  show(room) {
    this.room = room;
    this.box.value = this.storage.get(`draft:${room}`) ?? "";
    this.box.placeholder = `Message #${room}`;
    this.look();
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** Puts a text back in front of what stands there. */
  takeBack(text) {
    this.box.value = this.box.value.trim() ? `${text}\n${this.box.value}` : text;
    this.keep();
    this.look();
    this.focus();
  }

  key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.form.requestSubmit(this.button.disabled ? undefined : this.button);
  }

  async submit(event) {
    event.preventDefault();
    const text = this.box.value.trim();
    if (!text || this.excess > 0) return;
    const { room } = this;
    const answer = this.say(text);
    const refusal = answer instanceof Promise ? await answer : answer;
    if (refusal) this.tell(refusal);
    else this.clear(room, text);
  }

  /** The text is safe elsewhere. What was typed meanwhile, or in another room, stays. */
  clear(room, text) {
    if (this.storage.get(`draft:${room}`)?.trim() === text) this.storage.remove(`draft:${room}`);
    if (this.room !== room || this.box.value.trim() !== text) return;
    this.box.value = "";
    this.keep();
    this.look();
  }

  changed() {
    this.keep();
    this.look();
    const now = Date.now();
    if (!this.box.value.trim() || this.box.value.startsWith("/") || now - this.lastTyping < TYPING_EVERY) return;
    this.lastTyping = now;
    this.typing();
  }

  keep() {
    if (this.box.value) this.storage.set(`draft:${this.room}`, this.box.value);
    else this.storage.remove(`draft:${this.room}`);
    if (!this.box.value) this.lastTyping = 0;
  }

  look() {
    const left = -this.excess;
    this.button.disabled = !this.box.value.trim() || left < 0;
    this.tell(lengthSentence(left), left < 0);
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, TALLEST)}px`;
  }

  tell(sentence, isTrouble = true) {
    this.sentence.textContent = sentence;
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
  }

  /** The server counts characters, not UTF-16 units. */
  get excess() {
    return [...this.box.value.trim()].length - this.limit();
  }
}

function lengthSentence(left) {
  if (left >= WARN_BELOW) return "";
  if (left >= 0) return `${left} characters left`;
  return `${-left} ${left === -1 ? "character" : "characters"} too long to send`;
}
