// The list of one's mentions, of all rooms: a row leads to its message.

import { Dialog } from "./dialog.js";
import { write } from "./isolate.js";
import { t } from "./language.js";
import { messageLink } from "./message-link.js";
import { visible } from "./visible-text.js";
import { wordsText } from "./words-text.js";

export class MentionsDialog {
  /** list: a MentionList; ask(verb, payload) -> Promise of the ack; jump(room, seq); seen(): the list was looked at. */
  constructor({ overlays, layout, list, ask, jump, seen }) {
    Object.assign(this, { list, ask, jump, seen });
    this.dialog = new Dialog("mentions-dialog", { overlays, layout });
    this.rows = this.dialog.part("list");
    this.more = this.dialog.part("more");
    this.more.addEventListener("click", () => this.read());
    this.rows.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
  }

  async open() {
    this.before = undefined;
    this.rows.replaceChildren();
    this.dialog.open(t("Mentions"));
    await this.read();
  }

  async read() {
    const { before } = this;
    const ack = await this.ask("mentions", before ? { before } : {});
    if (!this.dialog.isOpen || before !== this.before) return;
    this.dialog.showSentence(ack.ok ? "" : ack.text);
    if (!ack.ok) return;
    this.before = ack.messages.at(-1)?.at;
    this.more.hidden = !ack.more;
    this.rows.append(...ack.messages.map(row));
    this.dialog.part("empty").hidden = this.rows.childElementCount > 0;
    this.list.add(ack.messages, !before);
    this.seen();
  }

  pressed(button) {
    if (!button) return;
    this.dialog.close();
    this.jump(button.dataset.room, Number(button.dataset.seq));
  }
}

function row(message) {
  const { nickname, text, words, kind } = message;
  const plain = visible(wordsText(words ?? text));
  return messageLink(message, "", (said) => write(said, kind === "action" ? `* ${visible(nickname)} ${plain}` : plain));
}
