// How the page looks, and the list of its keys: the button and the key `?`.

import { takesText } from "./stray-input.js";

export class Appearance {
  /** look: see look.js; later: see later.js. */
  constructor({ look, overlays, layout, later }) {
    Object.assign(this, { overlays, layout });
    this.dialogs = later.part(({ AppearanceDialogs }) => new AppearanceDialogs({ look, overlays, layout, notify: later.failed }));
    document.getElementById("appearance").addEventListener("click", () => this.dialogs.open("look"));
    document.addEventListener("keydown", (event) => this.key(event), true); // before the letter goes to the message box
  }

  /** `?` where it is no text, and Ctrl+/ everywhere. Not while another dialog is open, nor before one is in. */
  key(event) {
    const isAsked = event.key === "?" && !event.ctrlKey && !event.metaKey && !event.altKey && !takesText(event.target);
    const isShortcut = event.key === "/" && (event.ctrlKey || event.metaKey);
    if ((!isAsked && !isShortcut) || event.isComposing || !this.layout.isRoomShown || this.overlays.open.size > 0) return;
    event.preventDefault();
    this.dialogs.open("keys");
  }
}
