// A menu of actions, as a list of buttons at the one that opened it: role menu, arrow keys, Escape. There is one at a time.

import { isRightToLeft } from "./language.js";

export class Menu {
  /** overlays: the browser's Back closes the menu. */
  constructor({ overlays }) {
    this.overlays = overlays;
    this.element = document.getElementById("menu");
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", ({ target }) => this.pressed(target.closest("[role=menuitem]")));
    document.addEventListener("pointerdown", ({ target }) => this.isOpen && !this.element.contains(target) && !this.opener?.contains(target) && this.close(false));
    window.addEventListener("resize", () => this.isOpen && this.close(false));
  }

  get isOpen() {
    return !this.element.hidden;
  }

  get items() {
    return [...this.element.querySelectorAll("[role=menuitem]")];
  }

  /** items: [{do, label, isGrave?}]; label: the menu's name; chosen(name); opener: the button at which it opens. */
  open(opener, { label, items, chosen }) {
    if (this.isOpen && this.opener === opener) {
      this.close();
      return;
    }
    Object.assign(this, { opener, chosen });
    this.element.setAttribute("aria-label", label);
    this.element.replaceChildren(...items.map(menuItem));
    this.element.hidden = false;
    this.place(opener.getBoundingClientRect());
    this.overlays.opened("menu", () => this.close());
    this.markOpener("true");
    this.items[0]?.focus({ preventScroll: true });
  }

  close(returnsFocus = true) {
    if (!this.isOpen) return;
    const { opener } = this;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.hidden = true;
    this.overlays.closed("menu");
    this.markOpener("false");
    this.opener = null;
    if (returnsFocus && hadFocus && opener.isConnected) opener.focus({ preventScroll: true });
  }

  /** The mouse opens a menu at a name as well, which is no button. */
  markOpener(isExpanded) {
    if (this.opener.matches("button")) this.opener.setAttribute("aria-expanded", isExpanded);
  }

  /** Below the button, or above it, and always within the window. */
  place({ top, bottom, left, right }) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const below = bottom + 4;
    const y = below + height <= innerHeight ? below : Math.max(8, top - 4 - height);
    const x = Math.min(Math.max(8, isRightToLeft ? left : right - width), innerWidth - width - 8);
    this.element.style.setProperty("--x", `${x}px`);
    this.element.style.setProperty("--y", `${y}px`);
  }

  pressed(item) {
    if (!item) return;
    const { chosen } = this;
    this.close();
    chosen(item.dataset.do);
  }

  key(event) {
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (to !== undefined) items[(to + items.length) % items.length].focus();
    else return;
    event.stopPropagation();
    event.preventDefault();
  }
}

function menuItem({ do: name, label, isGrave }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = isGrave ? "menu-item is-grave" : "menu-item";
  button.dataset.do = name;
  button.setAttribute("role", "menuitem");
  button.tabIndex = -1;
  button.textContent = label;
  return button;
}
