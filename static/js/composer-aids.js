// What helps with writing in the message box: completion and the like (writing-aids.js), and the emoji, which are loaded with
// the first look for one.

import { insertText } from "./box-text.js";
import { styled } from "./late-page.js";
import { NOT_LOADED } from "./later.js";
import { WritingAids } from "./writing-aids.js";

const EMOJI_STYLE = new URL("../css/emoji-picker.css", import.meta.url).href;

export class ComposerAids {
  /** storage: for the skin tone and the recent emoji; overlays; notify(sentence); more: as writing-aids.js wants it. */
  constructor({ storage, overlays, notify, ...more }) {
    Object.assign(this, { storage, overlays, notify, more });
    this.box = document.getElementById("message");
    this.button = document.getElementById("emoji");
    this.writing = new WritingAids(this.box, { ...more, loadEmoji: () => this.loadEmoji() });
    this.button.addEventListener("click", () => this.pickForBox());
  }

  /** A Room calls this, too: who was not known when their name was begun may be by now. */
  changed(room, what) {
    if (what === "people" && room === this.more.rooms.active) this.writing.completion.lookAgain();
  }

  pickForBox() {
    const { box } = this;
    this.pickEmoji(this.button, (emoji) => insertText(box, emoji), () => box.focus({ preventScroll: true }));
  }

  /** Opens the choice of emoji at a button. chosen(emoji); left(): it was closed without one. */
  async pickEmoji(opener, chosen, left) {
    try {
      const [{ EmojiPicker }, emoji] = await Promise.all([import("./emoji-picker.js"), this.loadEmoji(), styled(EMOJI_STYLE)]);
      this.picker ??= new EmojiPicker({ emoji, overlays: this.overlays });
      this.picker.open(opener, chosen, left);
    } catch {
      this.notify(NOT_LOADED);
    }
  }

  async loadEmoji() {
    const { loadEmoji } = await import("./emoji-data.js");
    return loadEmoji(this.storage);
  }
}
