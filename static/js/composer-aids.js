// What helps with writing in the message box: completion and the like (writing-aids.js), and the emoji, which are loaded with
// the first look for one.

import { insertText } from "./box-text.js";
import { styled, withWantedWords } from "./late-page.js";
import { WritingAids } from "./writing-aids.js";

const EMOJI_STYLE = new URL("../css/emoji-picker.css", import.meta.url).href;

export class ComposerAids {
  /** storage: for the skin tone and the recent emoji; overlays; wanted(load): see later.js; more: as writing-aids.js wants it. */
  constructor({ storage, overlays, wanted, ...more }) {
    Object.assign(this, { storage, overlays, wanted, more });
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
    const found = await this.wanted(() => Promise.all([withWantedWords(() => import("./emoji-picker.js")), this.loadEmoji(), styled(EMOJI_STYLE)]));
    if (!found) return;
    const [{ EmojiPicker }, emoji] = found;
    this.picker ??= new EmojiPicker({ emoji, overlays: this.overlays });
    this.picker.open(opener, chosen, left);
  }

  async loadEmoji() {
    const { loadEmoji } = await import("./emoji-data.js");
    return loadEmoji(this.storage);
  }
}
