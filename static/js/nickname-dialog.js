// The dialog for one's nickname: on the first visit, after a refusal, to change it, to reserve it. The field for a passphrase
// belongs to the nickname above it: it opens one that is reserved by somebody, and reserves any other.

import { isolate, write } from "./isolate.js";
import { t } from "./language.js";

const HINTS = {
  claim: () => t("If it is yours, type its passphrase."),
  reserve: () => t("Optional: reserves this nickname for you, on every device."),
  replace: ({ nickname }) => t("“{nickname}” is reserved for you. A new passphrase replaces the old one.", { nickname: isolate(nickname) }),
};

export class NicknameDialog {
  /**
   * me: see identity.js; overlays: the browser's Back closes the dialog; submitted({nickname, passphrase, isClaim}),
   * unreserved() and cancelled() report what the person did.
   */
  constructor({ me, overlays, submitted, unreserved, cancelled }) {
    Object.assign(this, { me, overlays, submitted, cancelled, taken: "", canCancel: false });
    this.element = document.getElementById("doorway");
    this.form = document.getElementById("door");
    this.box = document.getElementById("nickname");
    this.passphrase = document.getElementById("passphrase");
    for (const part of ["title", "text", "sentence", "suggestion", "lock", "hint", "unreserve", "cancel", "slow"]) {
      this[part] = document.getElementById(`door-${part}`);
    }
    this.offered = document.querySelector("#door-offer button");
    this.submit = this.form.querySelector("[type=submit]");
    this.form.addEventListener("submit", (event) => this.submitForm(event));
    this.box.addEventListener("input", () => this.update());
    this.suggestion.addEventListener("click", () => this.take(this.suggestion.dataset.nickname));
    this.offered.addEventListener("click", (event) => {
      event.preventDefault();
      this.take(this.offered.value);
    });
    this.unreserve.addEventListener("click", unreserved);
    this.cancel.addEventListener("click", cancelled);
    this.element.addEventListener("keydown", ({ key }) => key === "Escape" && this.canCancel && cancelled());
  }

  get nickname() {
    return this.box.value.trim();
  }

  /** Is the nickname in the box known to be reserved by somebody else? */
  get isClaim() {
    return this.taken !== "" && this.nickname === this.taken;
  }

  /**
   * nickname: what to put into the box; left out, the box stays as it is. isClaim: it is reserved by somebody. canCancel:
   * there is a room to go back to. field: "passphrase" puts the focus there.
   */
  open({ nickname = this.nickname, isClaim = false, canCancel = false, field }) {
    if (this.element.hidden) this.returnTo = canCancel ? document.activeElement : null;
    Object.assign(this, { canCancel, taken: isClaim ? nickname : "" });
    this.cancel.hidden = !canCancel;
    this.text.hidden = canCancel;
    this.title.textContent = canCancel ? t("Change your nickname") : t("Who is it?");
    this.submit.textContent = canCancel ? t("Save") : t("Join");
    this.element.hidden = false;
    this.slow.hidden = true; // the script is here
    if (canCancel) this.overlays.opened("nickname", this.cancelled);
    this.box.value = nickname;
    this.showSentence("");
    this.update();
    this.focus();
    if (field === "passphrase") this.passphrase.focus();
  }

  /** The nickname cannot be had. If the box holds another one by now, that stays. */
  refuse(nickname, { text, suggestion = "", reserved = false }) {
    this.showSentence(text);
    if (this.nickname !== nickname) return;
    if (reserved) this.taken = nickname;
    else if (suggestion && !this.canCancel) this.box.value = suggestion;
    this.offer(suggestion === this.nickname ? "" : suggestion);
    this.update();
    if (document.activeElement !== this.passphrase) this.focus();
  }

  /** The passphrase was refused: the sentence stands at its own field, and what was typed stays, selected. */
  refusePassphrase(sentence) {
    write(this.hint, sentence);
    this.hint.classList.add("is-trouble");
    this.passphrase.setAttribute("aria-invalid", "true");
    this.passphrase.focus();
    this.passphrase.select();
  }

  requireNickname() {
    this.showSentence(t("A nickname is needed, any name will do."));
    this.box.focus();
  }

  /** The answer to giving the reservation up. */
  showUnreserved(ack) {
    this.update();
    this.showSentence(ack.ok ? t("“{nickname}” is no longer reserved.", { nickname: isolate(this.me.nickname) }) : ack.text, !ack.ok);
    this.passphrase.focus();
  }

  close() {
    this.element.hidden = true;
    this.overlays.closed("nickname");
    this.passphrase.value = "";
  }

  /** The room can be reached again: to where the focus was before, if that is in sight. */
  giveFocusBack() {
    if (this.returnTo?.offsetParent) this.returnTo.focus({ preventScroll: true });
    this.returnTo = null;
  }

  showSentence(sentence, isTrouble = true) {
    write(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    this.sentence.classList.toggle("is-trouble", isTrouble);
    this.box.setAttribute("aria-invalid", String(Boolean(sentence) && isTrouble));
    this.offer("");
  }

  /** To the field that is to be filled in. Where somebody is writing in it already, they go on. */
  focus() {
    const field = this.isClaim ? this.passphrase : this.box;
    if (document.activeElement === field && field.value) return;
    field.focus();
    field.select();
  }

  /** What the passphrase is for depends on the nickname in the box. */
  update() {
    const hasPassphrase = this.isClaim || this.canCancel;
    const hint = this.isClaim ? "claim" : this.me.reserved ? "replace" : "reserve";
    this.lock.hidden = this.passphrase.disabled = !hasPassphrase;
    write(this.hint, HINTS[hint](this.me));
    this.hint.classList.remove("is-trouble");
    this.passphrase.setAttribute("aria-invalid", "false");
    this.unreserve.hidden = hint !== "replace";
    this.box.autocomplete = hasPassphrase ? "username" : "nickname";
    this.passphrase.autocomplete = this.isClaim ? "current-password" : "new-password";
  }

  offer(suggestion) {
    this.suggestion.hidden = !suggestion;
    this.suggestion.dataset.nickname = suggestion;
    write(this.suggestion, t("Be {nickname} instead", { nickname: isolate(suggestion) }));
  }

  /** A nickname that was offered. */
  take(nickname) {
    this.box.value = nickname;
    this.update();
    this.form.requestSubmit();
  }

  submitForm(event) {
    event.preventDefault();
    const { nickname, isClaim, lock } = this;
    this.submitted({ nickname, passphrase: lock.hidden ? "" : this.passphrase.value, isClaim });
  }
}
