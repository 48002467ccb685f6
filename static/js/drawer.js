// On a narrow screen rooms and people are in a drawer. On a wide one they are at the sides, and none of this applies.

import { media } from "./media.js";

export class Drawer {
  /** overlays: the browser's Back closes the drawer. */
  constructor({ overlays, layout }) {
    this.overlays = overlays;
    this.drawer = document.getElementById("drawer");
    this.button = document.getElementById("drawer-button");
    this.scrim = document.getElementById("scrim");
    this.narrow = media("(max-width: 55.99rem)", () => this.set(false));
    this.button.addEventListener("click", () => this.set(!this.isOpen));
    this.scrim.addEventListener("click", () => this.set(false));
    layout.uncovered = () => (this.drawer.inert = this.narrow.matches && !this.isOpen);
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.isOpen && this.set(false));
  }

  get isOpen() {
    return this.button.getAttribute("aria-expanded") === "true";
  }

  set(open) {
    const wasOpen = this.isOpen;
    this.button.setAttribute("aria-expanded", String(open));
    this.drawer.classList.toggle("is-open", open);
    this.drawer.inert = this.narrow.matches && !open;
    this.scrim.hidden = !open;
    if (open) this.overlays.opened("drawer", () => this.set(false));
    else this.overlays.closed("drawer");
    if (open) (this.drawer.querySelector("[aria-current]") ?? this.drawer.querySelector("a")).focus();
    else if (wasOpen && this.drawer.contains(document.activeElement)) this.button.focus();
  }
}
