// How the page looks, and the list of its keys: the button, the key `?`, and the dialogs, which are loaded when they are first
// wanted.

import { Dialog } from "./dialog.js";
import { takesText } from "./stray-input.js";

const NOT_LOADED = "That could not be loaded. Are you online? Reload the page if it goes on.";

export class Appearance {
  /** look: see look.js; failed(sentence): a dialog could not be loaded. */
  constructor({ look, overlays, layout, failed }) {
    Object.assign(this, { look, overlays, layout, failed });
    document.getElementById("appearance").addEventListener("click", () => this.open("look"));
    document.addEventListener("keydown", (event) => this.key(event), true); // before the letter goes to the message box
  }

  async open(name) {
    try {
      const { AppearanceDialogs } = await import("./appearance-dialogs.js");
      this.dialogs ??= new AppearanceDialogs({ Dialog, look: this.look, overlays: this.overlays, layout: this.layout });
    } catch {
      this.failed(NOT_LOADED);
      return;
    }
    this.dialogs.open(name);
  }

  /** `?` where it is no text, and Ctrl+/ everywhere. Not while another dialog is open, nor before one is in. */
  key(event) {
    const isAsked = event.key === "?" && !event.ctrlKey && !event.metaKey && !event.altKey && !takesText(event.target);
    const isShortcut = event.key === "/" && (event.ctrlKey || event.metaKey);
    if ((!isAsked && !isShortcut) || event.isComposing || !this.layout.isRoomShown || this.overlays.open.size > 0) return;
    event.preventDefault();
    this.open("keys");
  }
}
