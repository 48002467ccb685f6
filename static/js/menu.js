// A menu of actions, as a list of buttons at the one that opened it: role menu, arrow keys, Escape. There is one at a time.

import { actionButton, isOff, renewActions } from "./action-buttons.js";
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

  /** items(): [{do, label, isGrave?}] of this moment; label: the menu's name; chosen(name); opener: the button at which it opens. */
  open(opener, { label, items, chosen }) {
    if (this.isOpen && this.opener === opener) {
      this.close();
      return;
    }
    Object.assign(this, { opener, chosen, wanted: items, at: opener.getBoundingClientRect() });
    this.element.setAttribute("aria-label", label);
    this.element.replaceChildren(...items().map(menuItem));
    this.element.hidden = false;
    this.place();
    this.overlays.opened("menu", () => this.close());
    this.markOpener("true");
    this.items[0]?.focus({ preventScroll: true });
  }

  /** What one may do has changed. */
  refresh() {
    if (!this.isOpen) return;
    renewActions(this.element, this.wanted(), menuItem);
    this.placeAcross();
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

  /** Below the button, or above it, and always within the window, also when it grows. */
  place() {
    const { style, offsetHeight: height } = this.element;
    const below = this.at.bottom + 4;
    const y = below + height <= innerHeight ? below : Math.max(8, this.at.top - 4 - height);
    style.setProperty("--y", `${y}px`);
    this.placeAcross();
  }

  placeAcross() {
    const { style, offsetWidth: width } = this.element;
    const x = Math.min(Math.max(8, isRightToLeft ? this.at.left : this.at.right - width), innerWidth - width - 8);
    style.setProperty("--x", `${x}px`);
  }

  pressed(item) {
    if (!item || isOff(item)) return;
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

function menuItem(item) {
  const button = actionButton(item, item.isGrave ? "menu-item is-grave" : "menu-item");
  button.setAttribute("role", "menuitem");
  button.tabIndex = -1;
  return button;
}
