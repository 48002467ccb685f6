// What helps with writing in the message box: completion, emoji, code that was pasted, going back in what one has said. The
// emoji are loaded when they are first wanted.

import { insertText, replaceAll } from "./box-text.js";
import { Completion } from "./completion.js";
import { commandNames, emojiNames, people, roomNames } from "./completion-sources.js";
import { InputHistory } from "./input-history.js";
import { PasteAsCode } from "./paste-as-code.js";

const NO_EMOJI = "The emoji could not be loaded. Try again in a moment.";
const WAYS = { ArrowUp: -1, ArrowDown: 1 };

export class ComposerAids {
  /**
   * storage: for the skin tone and the recent emoji; rooms: see open-rooms.js; me; ask(verb, payload); wait(ms); overlays;
   * sent(): what waits to be sent in the active room; isEditing(): a message is being edited; notify(sentence).
   */
  constructor({ storage, rooms, me, ask, wait, overlays, sent, isEditing, notify }) {
    Object.assign(this, { storage, rooms, me, overlays, sent, isEditing, notify });
    this.box = document.getElementById("message");
    this.history = new InputHistory();
    const load = () => this.loadEmoji();
    const room = () => rooms.active;
    this.completion = new Completion({
      box: this.box,
      sources: [
        people({ room, me, ask, wait }),
        roomNames({ open: () => rooms.all(), ask }),
        emojiNames({ load }),
        commandNames({ role: () => rooms.active.rules.role }),
      ],
    });
    new PasteAsCode({ box: this.box, button: document.getElementById("paste-as-code") });
    this.button = document.getElementById("emoji");
    this.button.addEventListener("click", () => this.pickEmoji(this.button, (emoji) => insertText(this.box, emoji), () => this.box.focus({ preventScroll: true })));
    this.box.addEventListener("input", () => !this.isStepping && this.history.leave());
    this.box.form.addEventListener("submit", () => this.history.leave());
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  /** Opens the picker at a button. chosen(emoji); left(): it was closed without a choice. */
  async pickEmoji(opener, chosen, left) {
    try {
      const [{ EmojiPicker }, emoji] = await Promise.all([import("./emoji-picker.js"), this.loadEmoji()]);
      this.picker ??= new EmojiPicker({ emoji, overlays: this.overlays });
      this.picker.open(opener, chosen, left);
    } catch {
      this.notify(NO_EMOJI);
    }
  }

  async loadEmoji() {
    const { loadEmoji } = await import("./emoji-data.js");
    return loadEmoji(this.storage);
  }

  key(event) {
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (!altKey || ctrlKey || metaKey || shiftKey || !(key in WAYS) || event.isComposing || this.isEditing()) return;
    event.preventDefault();
    const text = this.history.step(WAYS[key], this.said(), this.box.value);
    if (text === null) return;
    this.isStepping = true;
    replaceAll(this.box, text);
    this.isStepping = false;
  }

  /** What this person has said in the room, as far as it is held here, as they typed it. */
  said() {
    const { messages } = this.rooms.active;
    const mine = messages.filter((one) => this.me.is(one.author) && !one.deleted && one.kind !== "notice" && one.text);
    return [...mine.map(({ kind, text }) => (kind === "action" ? `/me ${text}` : text)), ...this.sent().map(({ text }) => text)];
  }
}
