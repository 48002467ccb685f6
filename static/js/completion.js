// Completing what is typed in the message box: people, rooms, emoji, commands. The box keeps the focus; the list is a listbox
// whose current option it names (aria-activedescendant). While an input method composes, nothing is completed.
//
// A source is {trigger, name, find(query)}: find answers a few items, or a promise of them, each {text, label, detail?,
// picture?}: `text` takes the place of the trigger and the query.

import { replaceRange } from "./box-text.js";
import { queryAt } from "./completion-query.js";
import { tn } from "./language.js";

const LIST = "completion";
const STEPS = { ArrowDown: 1, ArrowUp: -1 };

export class Completion {
  constructor({ box, sources }) {
    Object.assign(this, { box, sources });
    this.items = [];
    this.current = 0;
    this.asked = 0;
    this.dismissed = null; // where Escape was pressed: not again for the same word
    this.list = box.ownerDocument.getElementById(LIST);
    this.status = box.ownerDocument.getElementById(`${LIST}-status`);
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", LIST);
    box.addEventListener("input", (event) => !event.isComposing && this.look());
    box.addEventListener("compositionend", () => this.look());
    box.addEventListener("blur", () => this.close());
    box.form.addEventListener("submit", () => this.ended());
    box.addEventListener("click", () => this.isOpen && this.look());
    // Before the box's own listeners, to which Enter means sending.
    box.form.addEventListener("keydown", (event) => event.target === box && this.key(event), { capture: true });
    box.addEventListener("keyup", ({ key }) => /^(?:Arrow(?:Left|Right)|Home|End)$/.test(key) && this.isOpen && this.look());
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    this.list.addEventListener("click", ({ target }) => this.clicked(target.closest("[role=option]")));
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** What can be completed at the caret? */
  async look() {
    const { box } = this;
    const found = box.selectionStart === box.selectionEnd ? queryAt(box.value, box.selectionStart) : null;
    const source = found && this.sources.find(({ trigger }) => trigger === found.trigger);
    const asked = ++this.asked;
    this.hasNothing = false;
    if (!source || found.start === this.dismissed) {
      if (!found) this.dismissed = null;
      this.close();
      return;
    }
    this.dismissed = null;
    const answer = source.find(found.query);
    const items = answer instanceof Promise ? await answer.catch(() => []) : answer;
    if (asked === this.asked) this.show(source, found, items);
  }

  /** There may be more to offer than there was. */
  lookAgain() {
    if (this.hasNothing && document.activeElement === this.box) this.look();
  }

  show(source, found, items) {
    this.hasNothing = items.length === 0;
    if (items.length === 0 || document.activeElement !== this.box) {
      this.close();
      return;
    }
    Object.assign(this, { items, found });
    this.list.setAttribute("aria-label", source.name);
    this.list.replaceChildren(...items.map(option));
    this.list.hidden = false;
    this.status.textContent = tn("{n} suggestion", "{n} suggestions", items.length);
    this.isMoved = false;
    this.mark(0);
  }

  close() {
    this.asked++;
    if (!this.isOpen) return;
    this.list.hidden = true;
    this.list.replaceChildren();
    this.items = [];
    this.status.textContent = "";
    this.box.removeAttribute("aria-activedescendant");
  }

  mark(at) {
    this.current = at;
    [...this.list.children].forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    const option = this.list.children[at];
    this.box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (!this.isOpen || event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key in STEPS) this.move(STEPS[key]);
    else if (key === "Escape") this.dismiss();
    else if (key === "Tab" && !event.shiftKey) this.choose(this.current);
    else if (key === "Enter" && !event.shiftKey && this.isMeant) this.choose(this.current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(by) {
    this.isMoved = true;
    this.mark((this.current + by + this.items.length) % this.items.length);
  }

  /** Enter completes what was begun or chosen. Where the word is there already, or nothing of it, Enter sends. */
  get isMeant() {
    const { start, query } = this.found;
    const typed = this.box.value.slice(start, this.box.selectionStart).toLowerCase();
    const isTyped = this.items.some(({ text }) => text.trim().toLowerCase() === typed);
    return this.isMoved || (query !== "" && !isTyped);
  }

  dismiss() {
    this.dismissed = this.found.start;
    this.close();
  }

  /** What was typed is sent. */
  ended() {
    this.dismissed = null;
    this.close();
  }

  clicked(element) {
    if (element) this.choose([...this.list.children].indexOf(element));
  }

  choose(at) {
    const { box, found: { start }, items } = this;
    const end = box.selectionStart;
    const { text } = items[at];
    const isSpaced = /^\s/.test(box.value.slice(end)) && text.endsWith(" ");
    this.close();
    replaceRange(box, start, end, isSpaced ? text.trimEnd() : text);
    this.close();
  }
}

function option({ label, detail, picture }, at) {
  const element = document.createElement("li");
  element.id = `${LIST}-${at}`;
  element.className = "completion-option";
  element.setAttribute("role", "option");
  element.append(...[["picture", picture], ["label", label], ["detail", detail]].filter(([, text]) => text).map(part));
  return element;
}

function part([name, text]) {
  const element = document.createElement("span");
  element.className = `completion-${name}`;
  element.dir = "auto";
  if (name === "picture") element.ariaHidden = "true";
  element.append(text);
  return element;
}
