// What helps while one writes: completion, code that was pasted, going back in what one has said.

import { replaceAll } from "./box-text.js";
import { Completion } from "./completion.js";
import { commandNames, emojiNames, people, roomNames } from "./completion-sources.js";
import { InputHistory } from "./input-history.js";
import { PasteAsCode } from "./paste-as-code.js";

const WAYS = { ArrowUp: -1, ArrowDown: 1 };

export class WritingAids {
  /**
   * rooms: see open-rooms.js; me; ask(verb, payload); wait(ms); sent(): what waits to be sent in the active room;
   * isEditing(): a message is being edited; loadEmoji(): promise of them.
   */
  constructor(box, { rooms, me, ask, wait, sent, isEditing, loadEmoji }) {
    Object.assign(this, { box, rooms, me, sent, isEditing });
    const room = () => rooms.active;
    this.history = new InputHistory();
    this.completion = new Completion({
      box,
      sources: [
        people({ room, me, ask, wait }),
        roomNames({ open: () => rooms.all(), ask }),
        emojiNames({ load: loadEmoji }),
        commandNames({ role: () => rooms.active.rules.role }),
      ],
    });
    new PasteAsCode({ box, button: document.getElementById("paste-as-code") });
    box.addEventListener("input", () => !this.isStepping && this.history.leave());
    box.form.addEventListener("submit", () => this.history.leave());
    box.addEventListener("keydown", (event) => this.key(event));
    this.completion.look(); // something may be typed already
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
