// The box for one's name: for whom has none yet, whose nickname was refused, and who wants another or to keep it. What the
// passphrase is for follows the nickname above it: it opens one that is reserved, and reserves any other.

import { isolate, write } from "./isolate.js";
import { isBlank } from "./text.js";

const HINTS = {
  claim: () => "If it is yours, type its passphrase.",
  reserve: () => "Optional: reserves this nickname for you, on every device.",
  replace: ({ nickname }) => `“${isolate(nickname)}” is reserved for you. A new passphrase replaces the old one.`,
};

export class Door {
  /**
   * me is oneself; overlays: where the browser's Back closes it; chosen({nickname, passphrase, isClaim}) hears the choice,
   * and may answer a promise; givenUp() likewise.
   */
  constructor({ me, overlays, chosen, givenUp }) {
    Object.assign(this, { me, overlays, chosen, taken: "" });
    this.frame = document.getElementById("doorway");
    this.form = document.getElementById("door");
    this.box = document.getElementById("nickname");
    this.passphrase = document.getElementById("passphrase");
    for (const part of ["title", "text", "sentence", "suggestion", "lock", "hint", "unreserve", "cancel"]) {
      this[part] = document.getElementById(`door-${part}`);
    }
    this.submit = this.form.querySelector("[type=submit]");
    this.form.addEventListener("submit", (event) => this.submitted(event));
    this.box.addEventListener("input", () => this.look());
    this.suggestion.addEventListener("click", () => this.takeSuggestion());
    this.unreserve.addEventListener("click", givenUp);
    this.cancel.addEventListener("click", () => this.left());
    this.frame.addEventListener("keydown", ({ key }) => key === "Escape" && this.left?.());
  }

  get isOpen() {
    return !this.frame.hidden;
  }

  get nickname() {
    return this.box.value.trim();
  }

  /** Is the nickname in the box known to be somebody's own? */
  get isClaim() {
    return this.taken !== "" && this.nickname === this.taken;
  }

  /** left: called on Cancel, for whom is in already; without it there is no way around. taken: a reserved nickname. */
  open({ nickname = "", taken = "", left }) {
    Object.assign(this, { left, taken });
    this.cancel.hidden = !left;
    this.text.hidden = Boolean(left);
    this.title.textContent = left ? "Change your nickname" : "Who is it?";
    this.submit.textContent = left ? "Save" : "Join";
    this.frame.hidden = false;
    if (left) this.overlays.opened("nickname", left);
    this.box.value = nickname;
    this.tell("");
    this.look();
    this.focus();
  }

  /** The nickname cannot be had. What somebody types in its place meanwhile stays. */
  refuse(nickname, { text, suggestion = "", reserved = false }) {
    this.tell(text);
    if (this.nickname !== nickname) return;
    if (reserved) this.taken = nickname;
    else if (suggestion && !this.left) this.box.value = suggestion;
    this.offer(suggestion === this.nickname ? "" : suggestion);
    this.look();
    if (document.activeElement !== this.passphrase) this.focus();
  }

  tell(sentence, isTrouble = true) {
    write(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
    this.box.setAttribute("aria-invalid", String(Boolean(sentence) && isTrouble));
    this.offer("");
  }

  /** The passphrase will not do: that is told at its own field, and it stays there to be mended. */
  doubt(sentence) {
    write(this.hint, sentence);
    this.hint.classList.add("is-trouble");
    this.passphrase.setAttribute("aria-invalid", "true");
    this.passphrase.focus();
    this.passphrase.select();
  }

  /** To the field that is to be filled in. */
  focus() {
    const field = this.isClaim ? this.passphrase : this.box;
    field.focus();
    field.select();
  }

  close() {
    this.frame.hidden = true;
    this.overlays.closed("nickname");
    this.passphrase.value = "";
  }

  look() {
    const isLocked = this.isClaim || Boolean(this.left);
    const hint = this.isClaim ? "claim" : this.me.reserved ? "replace" : "reserve";
    this.lock.hidden = !isLocked;
    write(this.hint, HINTS[hint](this.me));
    this.hint.classList.remove("is-trouble");
    this.passphrase.setAttribute("aria-invalid", "false");
    this.unreserve.hidden = hint !== "replace";
    this.box.autocomplete = isLocked ? "username" : "nickname";
    this.passphrase.autocomplete = this.isClaim ? "current-password" : "new-password";
  }

  missing() {
    this.tell("A nickname is needed, any name will do.");
    this.box.focus();
  }

  offer(suggestion) {
    this.suggestion.hidden = !suggestion;
    this.suggestion.dataset.nickname = suggestion;
    write(this.suggestion, `Be ${isolate(suggestion)} instead`);
  }

  takeSuggestion() {
    this.box.value = this.suggestion.dataset.nickname;
    this.look();
    this.form.requestSubmit();
  }

  async submitted(event) {
    event.preventDefault();
    const { nickname, isClaim, lock } = this;
    const passphrase = lock.hidden ? "" : this.passphrase.value;
    if (isBlank(nickname)) return this.missing();
    if (isClaim && !passphrase) return this.doubt("Its passphrase is needed. Or choose another nickname.");
    if (this.isBusy) return;
    this.isBusy = true;
    await this.chosen({ nickname, passphrase, isClaim });
    this.isBusy = false;
  }
}
