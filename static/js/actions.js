// The bar of actions on a message's row: at the pointer, at the keyboard's focus, or after a tap. There is one bar; it moves
// from row to row. It covers a bit of the text, so no row shifts, and hides while text is selected.

import { allowed } from "./changes.js";
import { nextFrame } from "./animation-frame.js";
import { isRightToLeft, t } from "./language.js";
import { media } from "./media.js";
import { choices } from "./reactions.js";

const CONFIRM_MS = 4_000;
const STEPS = isRightToLeft ? { ArrowLeft: 1, ArrowRight: -1 } : { ArrowLeft: -1, ArrowRight: 1 };
const ROWS = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" };

export class Actions {
  /**
   * room(): the active one; maxReactions(): different reactions on one message. The verbs take the message; react also an
   * emoji and on. remove and react answer a promise and show refusals themselves. left(): the keyboard left the
   * bar; menu(button, {person, message}): opens the menu on somebody and their message; card({person, message}): shows who
   * it is; pickEmoji(button, chosen, left): the
   * choice of all emoji.
   */
  constructor({ room, me, overlays, maxReactions, reply, edit, remove, react, jump, left, menu, card, pickEmoji }) {
    Object.assign(this, { room, me, overlays, maxReactions, reply, edit, remove, react, jump, left, menu, card, pickEmoji });
    this.log = document.getElementById("messages");
    this.said = document.getElementById("said");
    this.bar = document.getElementById("actions-template").content.firstElementChild.cloneNode(true);
    this.tools = this.bar.querySelector(".tools");
    this.picker = this.bar.querySelector(".picker");
    this.noMouse = media("(hover: none)");
    this.listen();
  }

  /** The row with the bar; null where there is none, or where it was dropped from the log. */
  get row() {
    return this.bar.isConnected ? this.bar.parentElement : null;
  }

  get message() {
    return this.row && this.messageOf(this.row);
  }

  get isPicking() {
    return this.row && !this.picker.hidden;
  }

  listen() {
    this.log.addEventListener("click", (event) => this.clicked(event));
    for (const type of ["pointerover", "pointermove"]) this.log.addEventListener(type, (event) => this.points(event));
    this.log.addEventListener("pointerup", (event) => this.points(event));
    this.log.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && !this.isHeld && this.putAway());
    this.log.addEventListener("pointerdown", ({ target, pointerType }) => {
      if (pointerType === "mouse" && !this.bar.contains(target)) this.putAway();
    });
    this.log.addEventListener("focusin", ({ target }) => this.focused(target));
    this.log.addEventListener("focusout", ({ relatedTarget }) => relatedTarget && !this.isNear(relatedTarget) && this.putAway());
    this.bar.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("pointerdown", ({ target }) => this.isPicking && !this.isNear(target) && this.putAway());
    if (this.log.contains(document.activeElement)) this.focused(document.activeElement);
  }

  /** In the log, or in what the bar has opened: the menu, the choice of emoji. */
  isNear(element) {
    return this.log.contains(element) || Boolean(element.closest("#menu, .emoji-picker"));
  }

  /** The pointer does not move the bar while the keyboard is on it or the picker is open. */
  get isHeld() {
    return this.isPicking || Boolean(this.bar.querySelector(":focus-visible"));
  }

  points({ target, pointerType, buttons }) {
    if (pointerType !== "mouse" || buttons || this.isHeld || !getSelection().isCollapsed) return;
    const row = target.closest("#said > .message");
    if (row !== this.row) this.show(row); // it may have come under a pointer that rests there
  }

  focused(target) {
    if (this.bar.contains(target) || !target.matches(":focus-visible")) return;
    this.show(target === this.log ? this.lastInSight() : target.closest("#said > .message"));
  }

  clicked(event) {
    const row = event.target.closest(".message");
    const button = event.target.closest("button");
    if (!row) return;
    if (this.bar.contains(event.target)) this.pressed(button, event);
    else if (button?.matches(".reaction")) this.toggle(this.messageOf(row), button);
    else if (button?.matches(".message-quote")) this.jump(Number(button.dataset.answers));
    else if (event.target.closest(".message-author, .avatar")) this.openCard(row);
    else if (!event.target.closest("a, button") && this.isTap(event)) this.show(row === this.row ? null : row);
  }

  isTap({ pointerType }) {
    const isTap = pointerType !== "mouse" || this.noMouse.matches; // by a finger, a pen, or a screen reader
    return isTap && getSelection().isCollapsed;
  }

  show(row) {
    this.putAway();
    const message = row && this.messageOf(row);
    const may = message && allowed(message, this.me);
    if (!may?.reply || row.matches(".is-ignored")) return;
    for (const button of this.tools.children) button.hidden = !may[button.dataset.do];
    this.mark(row, true);
    row.append(this.bar);
    this.bar.classList.toggle("is-below", row.offsetTop - this.log.scrollTop < this.bar.offsetHeight);
  }

  putAway() {
    const { row } = this;
    this.disarm();
    this.overlays.closed("picker");
    this.picker.hidden = true;
    this.tools.hidden = false;
    if (row) this.mark(row, false);
    this.bar.remove();
  }

  /** The Tab key stops only at the reactions of this row. */
  mark(row, isCurrent) {
    row.classList.toggle("is-current", isCurrent);
    for (const button of row.querySelectorAll(".reaction")) button.tabIndex = isCurrent ? 0 : -1;
  }

  pressed(button, event) {
    const { message } = this;
    if (!button || !message || isDouble(event)) return;
    const { emoji } = button.dataset;
    if (emoji) this.choose(message, button);
    else if (button.dataset.do === "react") this.pick(message);
    else if (button.dataset.do === "other") this.pickOther(message, button);
    else if (button.dataset.do === "more") this.openMenu(button, this.row);
    else if (button.dataset.do === "delete") this.confirmDelete(message, button);
    else this.leaveFor(() => this[button.dataset.do](message));
  }

  openMenu(opener, row) {
    const message = this.messageOf(row);
    if (!message || row.matches(".is-ignored")) return;
    this.menu(opener, { person: this.authorOf(message), message });
  }

  openCard(row) {
    const message = this.messageOf(row);
    if (!message || row.matches(".is-ignored")) return;
    this.putAway();
    this.card({ person: this.authorOf(message), message });
  }

  /** The bar goes, as after its own buttons; the keyboard goes back to the message box, before any dialog opens. */
  menuChosen() {
    const hadFocus = Boolean(this.bar.querySelector(":focus-visible"));
    this.putAway();
    if (hadFocus) this.left();
  }

  authorOf({ author, nickname }) {
    const { presence } = this.room();
    return presence.people.get(author) ?? { id: author, nickname, role: presence.roles.get(author) };
  }

  leaveFor(verb) {
    this.putAway();
    verb();
  }

  pick(message) {
    const buttons = choices(message, this.room().own.of(message.seq), this.maxReactions()).map(choice);
    this.picker.replaceChildren(...buttons, otherChoice());
    this.picker.hidden = false;
    this.tools.hidden = true;
    if (this.noMouse.matches) this.overlays.opened("picker", () => this.putAway());
    buttons[0].focus({ preventScroll: true });
  }

  /** Any emoji. The bar stays while one is chosen. */
  pickOther({ seq }, button) {
    const back = () => (this.noMouse.matches ? this.putAway() : this.backToTools(seq));
    const react = (emoji) => {
      const message = this.room().find(seq);
      back();
      if (message) this.react(message, emoji, !this.room().own.of(seq).has(emoji));
    };
    this.pickEmoji(button, react, back);
  }

  choose(message, button) {
    const { seq } = message;
    this.toggle(message, button);
    if (this.noMouse.matches) this.putAway();
    else this.backToTools(seq);
  }

  backToTools(seq) {
    this.show(this.rowOf(seq));
    this.tools.querySelector("[data-do=react]").focus({ preventScroll: true });
  }

  /** A reaction that nobody has any more is removed; if it had the focus, that goes to the bar of its message. */
  async toggle(message, button) {
    if (!message) return;
    const on = button.getAttribute("aria-pressed") !== "true";
    const hadFocus = button.matches(":focus-visible");
    await this.react(message, button.dataset.emoji, on);
    await nextFrame();
    if (hadFocus && !button.isConnected && document.activeElement === document.body) this.backToTools(message.seq);
  }

  /** The second press deletes. */
  async confirmDelete(message, button) {
    if (button.dataset.armed) {
      this.putAway();
      this.left();
      await this.remove(message);
      return;
    }
    button.dataset.armed = "yes";
    button.ariaLabel = t("Delete?");
    this.confirmTimer = setTimeout(() => this.disarm(), CONFIRM_MS);
  }

  disarm() {
    const button = this.tools.querySelector("[data-do=delete]");
    clearTimeout(this.confirmTimer);
    delete button.dataset.armed;
    button.ariaLabel = t("Delete");
  }

  key(event) {
    const { key } = event;
    if (key === "Escape") this.escape();
    else if (key in STEPS) this.step(STEPS[key]);
    else if (key in ROWS && !this.isPicking) this.walk(ROWS[key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  escape() {
    if (this.isPicking) {
      this.backToTools(this.message.seq);
    } else {
      this.putAway();
      this.left();
    }
  }

  step(by) {
    const face = this.isPicking ? this.picker : this.tools;
    const buttons = [...face.children].filter((button) => !button.hidden && !button.disabled);
    const at = buttons.indexOf(document.activeElement);
    buttons[(at + by + buttons.length) % buttons.length].focus();
  }

  /** To the next message up or down that has actions, on the same button where it has that one. */
  walk(way) {
    const verb = document.activeElement.dataset.do;
    let row = this.row[way];
    while (row && !this.hasActions(row)) row = row[way];
    if (!row) return;
    row.scrollIntoView({ block: "nearest" });
    this.show(row);
    const button = this.tools.querySelector(`[data-do="${verb}"]`);
    (button.hidden ? this.tools.firstElementChild : button).focus({ preventScroll: true });
  }

  /** Nothing where the room shows another part of its log since the row was drawn. */
  messageOf(row) {
    return this.room().find(Number(row.dataset.seq));
  }

  hasActions(row) {
    const message = this.messageOf(row);
    return Boolean(message && allowed(message, this.me).reply);
  }

  rowOf(seq) {
    return this.said.querySelector(`[data-seq="${seq}"]`);
  }

  lastInSight() {
    const edge = this.log.getBoundingClientRect().bottom;
    const inSight = (row) => row.getBoundingClientRect().top < edge && this.hasActions(row);
    return [...this.said.children].reverse().find(inSight);
  }
}

/** A double click of the mouse counts once: the second click was not meant for what opened under the pointer. */
function isDouble({ detail, pointerType }) {
  return detail > 1 && pointerType === "mouse";
}

function otherChoice() {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.do = "other";
  button.title = button.ariaLabel = t("Another emoji");
  button.setAttribute("aria-haspopup", "dialog");
  button.textContent = "+";
  return button;
}

function choice({ emoji, mine, full }) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.emoji = emoji;
  button.textContent = emoji;
  button.disabled = full;
  button.setAttribute("aria-pressed", String(mine));
  return button;
}
