// Choosing an emoji: groups, search, skin tones, those chosen last. A dialog with a grid; by keyboard, mouse and touch.

import { isRightToLeft, language, t } from "./language.js";
import { media } from "./media.js";

const COLUMNS = 8;
const MARGIN = 8; // CSS pixels to the edges of the window
const RECENT = "Recent";
/** The groups by their names in emoji-data.js. */
const GROUP_NAMES = {
  Recent: t("Recent"),
  Smileys: t("Smileys"),
  People: t("People"),
  "Animals and nature": t("Animals and nature"),
  "Food and drink": t("Food and drink"),
  "Travel and places": t("Travel and places"),
  Activities: t("Activities"),
  Objects: t("Objects"),
  Symbols: t("Symbols"),
  Flags: t("Flags"),
  Found: t("Found"),
};
const GROUP_ICONS = { Recent: "🕘", Smileys: "😀", People: "👋", "Animals and nature": "🐻", "Food and drink": "🍎", "Travel and places": "✈️", Activities: "⚽", Objects: "💡", Symbols: "🔣", Flags: "🏁" };
const SEARCH = t("Search emoji");
const TONES = [t("No skin tone"), t("Light"), t("Medium-light"), t("Medium"), t("Medium-dark"), t("Dark")];
const HAND = { emoji: "✋", skins: ["✋🏻", "✋🏼", "✋🏽", "✋🏾", "✋🏿"] };
const NEXT = isRightToLeft ? -1 : 1;
const STEPS = { ArrowLeft: -NEXT, ArrowRight: NEXT, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };

export class EmojiPicker {
  /** emoji: see emoji-data.js; overlays: the browser's Back closes it. */
  constructor({ emoji, overlays }) {
    Object.assign(this, { emoji, overlays });
    this.hasTouch = media("(pointer: coarse)");
    this.element = element("div", "emoji-picker", { role: "dialog", "aria-label": t("Emoji"), tabindex: "-1" });
    this.search = element("input", "emoji-search", { type: "search", "aria-label": SEARCH, placeholder: SEARCH, autocomplete: "off", spellcheck: "false" });
    this.toneButton = element("button", "emoji-tone", { type: "button", "aria-expanded": "false" });
    this.tones = element("div", "emoji-tones", { role: "group", "aria-label": t("Skin tone"), hidden: "" });
    this.groups = element("div", "emoji-groups", { role: "toolbar", "aria-label": t("Groups of emoji") });
    this.grid = element("div", "emoji-grid", { role: "grid", "aria-label": t("Emoji") });
    this.name = element("p", "emoji-name", { "aria-hidden": "true" });
    this.none = element("p", "emoji-none", { role: "status" });
    const head = element("div", "emoji-head");
    head.append(this.search, this.toneButton);
    this.element.append(head, this.tones, this.groups, this.grid, this.none, this.name);
    this.listen();
  }

  listen() {
    this.search.addEventListener("input", () => this.draw());
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.grid.addEventListener("click", (event) => this.pressed(event));
    this.grid.addEventListener("focusin", ({ target }) => this.current(target));
    this.grid.addEventListener("pointerover", ({ target }) => this.show(target));
    this.groups.addEventListener("click", ({ target }) => this.jump(target.closest("button")?.dataset.group));
    this.toneButton.addEventListener("click", () => this.openTones(this.tones.hidden));
    this.tones.addEventListener("click", ({ target }) => this.chooseTone(target.closest("button")));
    document.addEventListener("pointerdown", ({ target }) => this.isOpen && !this.element.contains(target) && !this.opener.contains(target) && this.close(false));
    window.addEventListener("resize", () => this.isOpen && this.place());
  }

  get isOpen() {
    return this.element.isConnected;
  }

  /** chosen(character); left(): it was closed without a choice. opener: the button at which it opens. */
  open(opener, chosen, left = () => opener.focus({ preventScroll: true })) {
    if (this.isOpen) {
      this.close();
      return;
    }
    Object.assign(this, { opener, chosen, left });
    this.search.value = "";
    this.openTones(false);
    this.drawTone();
    document.body.append(this.element);
    this.draw();
    this.place();
    opener.setAttribute("aria-expanded", "true");
    this.overlays.opened("emoji", () => this.close());
    (this.hasTouch.matches ? this.element : this.search).focus({ preventScroll: true });
  }

  close(returnsFocus = true) {
    if (!this.isOpen) return;
    this.element.remove();
    this.opener.setAttribute("aria-expanded", "false");
    this.overlays.closed("emoji");
    if (returnsFocus) this.left();
  }

  /** Above its button or below, and always within the window; on a phone the stylesheet has it at the bottom. */
  place() {
    const { top, bottom, left, right } = this.opener.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const above = top - MARGIN - height;
    const y = above >= MARGIN ? above : Math.min(bottom + MARGIN, innerHeight - height - MARGIN);
    const x = Math.min(Math.max(MARGIN, isRightToLeft ? left : right - width), innerWidth - width - MARGIN);
    this.element.style.setProperty("--x", `${x}px`);
    this.element.style.setProperty("--y", `${Math.max(MARGIN, y)}px`);
  }

  draw() {
    const query = this.search.value.trim();
    const found = query ? [{ name: "Found", emoji: this.emoji.search(query, 80) }] : this.allGroups;
    const groups = found.filter(({ emoji }) => emoji.length > 0);
    this.waiting = groups.slice(2);
    this.grid.replaceChildren(...groups.slice(0, 2).map((group) => this.group(group)));
    this.grid.scrollTop = 0;
    this.grid.hidden = groups.length === 0;
    this.groups.hidden = Boolean(query);
    this.groups.replaceChildren(...groups.map(({ name }) => groupButton(name)));
    this.none.textContent = groups.length === 0 ? t("No emoji has such a name.") : "";
    this.current(this.cells[0]);
    requestAnimationFrame(() => this.drawNext());
  }

  get allGroups() {
    const recent = this.emoji.recent.map((character) => ({ ...this.emoji.byEmoji.get(character), emoji: character, skins: [] }));
    return [{ name: RECENT, emoji: recent }, ...this.emoji.groups];
  }

  /** One group in a frame: all at once would be two thousand buttons. */
  drawNext() {
    if (!this.waiting?.length || !this.isOpen) return;
    this.grid.append(this.group(this.waiting.shift()));
    requestAnimationFrame(() => this.drawNext());
  }

  group({ name, emoji }) {
    const group = element("div", "emoji-group", { role: "rowgroup", "aria-label": GROUP_NAMES[name] ?? name, "data-group": name });
    for (let at = 0; at < emoji.length; at += COLUMNS) {
      const row = element("div", "emoji-row", { role: "row" });
      row.append(...emoji.slice(at, at + COLUMNS).map((one) => this.cell(one)));
      group.append(row);
    }
    return group;
  }

  cell(one) {
    const cell = element("span", "emoji-cell", { role: "gridcell" });
    const button = element("button", "", { type: "button", tabindex: "-1", "aria-label": one.label, "data-name": one.names[0] });
    button.textContent = this.emoji.toned(one);
    cell.append(button);
    return cell;
  }

  get cells() {
    return [...this.grid.querySelectorAll("button")];
  }

  /** The Tab key stops at one emoji. */
  current(button) {
    this.grid.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    button?.setAttribute("tabindex", "0");
    this.show(button);
  }

  show(target) {
    const button = target?.closest?.("button");
    this.name.replaceChildren(...(button ? named(button) : []));
  }

  pressed(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const character = button.textContent;
    this.emoji.use(character);
    if (!event.shiftKey) this.close(false);
    this.chosen(character);
  }

  jump(name) {
    while (this.waiting.length > 0) this.grid.append(this.group(this.waiting.shift()));
    const group = [...this.grid.children].find(({ dataset }) => dataset.group === name);
    if (!group) return;
    this.grid.scrollTop = group.offsetTop - this.grid.offsetTop;
    this.current(group.querySelector("button"));
  }

  openTones(isOpen) {
    this.tones.hidden = !isOpen;
    this.toneButton.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) return;
    this.tones.replaceChildren(...TONES.map((label, tone) => this.toneChoice(label, tone)));
    this.tones.querySelector("[aria-pressed=true]").focus();
  }

  toneChoice(label, tone) {
    const button = element("button", "", { type: "button", "aria-label": label, "aria-pressed": String(tone === this.emoji.tone), "data-tone": tone });
    button.textContent = this.emoji.toned(HAND, tone);
    return button;
  }

  chooseTone(button) {
    if (!button) return;
    this.emoji.tone = Number(button.dataset.tone);
    this.openTones(false);
    this.drawTone();
    this.draw();
    this.toneButton.focus();
  }

  drawTone() {
    this.toneButton.textContent = this.emoji.toned(HAND);
    this.toneButton.setAttribute("aria-label", t("Skin tone: {tone}", { tone: TONES[this.emoji.tone] }));
  }

  key(event) {
    const { key, target } = event;
    if (key === "Escape") this.close();
    else if (key === "Tab") this.tab(event.shiftKey);
    else if (this.grid.contains(target) && this.inGrid(event)) return;
    else if (target === this.search && key === "ArrowDown") this.cells[0]?.focus();
    else if (target === this.search && key === "Enter") this.cells[0]?.click();
    else if (!this.grid.contains(target) && target !== this.search && key in STEPS) this.beside(target, STEPS[key]);
    else if (this.grid.contains(target) && (key in STEPS || key === "Home" || key === "End")) this.step(target, key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** A letter typed in the grid goes on with the search. */
  inGrid({ key, ctrlKey, metaKey, altKey }) {
    const isLetter = [...key].length === 1 && key !== " " && !ctrlKey && !metaKey && !altKey;
    if (isLetter) this.search.focus();
    return isLetter;
  }

  step(button, key) {
    const { cells } = this;
    const at = cells.indexOf(button);
    const row = [...button.closest("[role=row]").querySelectorAll("button")];
    if (key === "Home") row[0].focus();
    else if (key === "End") row.at(-1).focus();
    else if (key === "ArrowUp" || key === "ArrowDown") this.toRow(button, row.indexOf(button), Math.sign(STEPS[key]));
    else cells[at + STEPS[key]]?.focus();
  }

  /** In the row above or below, in the same column; above the first row is the search. */
  toRow(button, column, way) {
    const rows = [...this.grid.querySelectorAll("[role=row]")];
    const row = rows[rows.indexOf(button.closest("[role=row]")) + way];
    if (!row) {
      if (way < 0) this.search.focus();
      return;
    }
    const buttons = row.querySelectorAll("button");
    buttons[Math.min(column, buttons.length - 1)].focus();
  }

  beside(button, by) {
    const buttons = [...(button.parentElement?.querySelectorAll("button") ?? [])];
    buttons[(buttons.indexOf(button) + Math.sign(by) + buttons.length) % buttons.length]?.focus();
  }

  /** The focus stays within. */
  tab(isBack) {
    const stops = [this.search, this.toneButton, this.tones.querySelector("[aria-pressed=true]"), this.groups.querySelector("button"), this.grid.querySelector("[tabindex='0']")];
    const there = stops.filter((one) => one && one.getClientRects().length > 0);
    const at = there.findIndex((one) => one === document.activeElement || (one.parentElement !== this.element && one.parentElement.contains(document.activeElement) && !one.parentElement.matches(".emoji-head")));
    const to = at < 0 ? (isBack ? -1 : 0) : at + (isBack ? -1 : 1);
    there[(to + there.length) % there.length].focus();
  }
}

/** "👍 Daumen hoch :+1:"; in English the name says as much. */
function named(button) {
  const { textContent, dataset } = button;
  if (language === "en") return [`${textContent} :${dataset.name}:`];
  const label = element("bdi", "emoji-label");
  const name = element("bdi", "", { dir: "ltr" });
  label.textContent = button.getAttribute("aria-label");
  name.textContent = `:${dataset.name}:`;
  return [textContent, " ", label, " ", name];
}

function groupButton(name) {
  const label = GROUP_NAMES[name] ?? name;
  const button = element("button", "", { type: "button", "aria-label": label, title: label, "data-group": name });
  button.textContent = GROUP_ICONS[name] ?? "🔎";
  return button;
}

function element(tag, className, attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
