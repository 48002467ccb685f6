// Search: in this room or in all of one's rooms; a row leads to its message. Loaded when it is first wanted.

import { sitePath } from "./base.js";
import { Dialog } from "./dialog.js";
import { excerpt } from "./excerpt.js";
import { t, tn } from "./language.js";
import { messageLink } from "./message-link.js";
import { isDirect, labelOf } from "./room-name.js";
import { visible } from "./visible-text.js";

const PAUSE_MS = 350; // in typing, before it is looked for

export class SearchDialog {
  /** ask(verb, payload) -> Promise of the ack; rooms: the open ones; jump(room, seq): shows a message; wait(ms). */
  constructor({ overlays, layout, ask, rooms, jump, wait }) {
    Object.assign(this, { ask, rooms, jump, wait, round: 0 });
    this.dialog = new Dialog("search-dialog", { overlays, layout, submitted: () => this.begin(), closed: () => (this.round += 1) });
    [this.list, this.more, this.status, this.hints] = ["list", "more", "status", "hints"].map((name) => this.dialog.part(name));
    ({ query: this.box, where: this.where } = this.dialog.form.elements);
    this.box.addEventListener("input", () => this.typed());
    this.where.addEventListener("change", () => this.begin());
    this.more.addEventListener("click", () => this.read());
    this.list.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
    this.hints.addEventListener("click", ({ target }) => target.dataset.insert && this.insert(target.dataset.insert));
  }

  open() {
    const { active } = this.rooms;
    this.where.options[0].textContent = isDirect(active) ? t("in this conversation") : t("in {room}", { room: labelOf(active) });
    this.dialog.part("log").href = sitePath(`/r/${active.name}/log`);
    this.dialog.open(t("Search"));
    this.box.focus();
    this.box.select();
  }

  async typed() {
    const round = (this.round += 1);
    await this.wait(PAUSE_MS);
    if (round === this.round) this.begin();
  }

  insert(text) {
    const { value } = this.box;
    this.box.value = `${value}${value && !value.endsWith(" ") ? " " : ""}${text}`;
    this.box.focus();
  }

  begin() {
    this.round += 1;
    this.before = undefined;
    this.found = 0;
    if (this.box.value.trim()) {
      this.read();
      return;
    }
    this.list.replaceChildren();
    this.more.hidden = true;
    this.status.textContent = "";
  }

  async read() {
    const { round, before } = this;
    const isHere = this.where.value === "room";
    const payload = { query: this.box.value, ...(isHere && { room: this.rooms.activeName }), ...(before && { before }) };
    const ack = await this.ask("search", payload);
    if (round !== this.round || !this.dialog.isOpen) return;
    if (!before) this.list.replaceChildren();
    this.dialog.showSentence(ack.ok ? "" : ack.text);
    const found = ack.ok ? ack.messages : [];
    this.list.append(...found.map((message) => this.row(message)));
    this.found = (before ? this.found : 0) + found.length;
    this.more.hidden = !ack.more;
    this.before = isHere ? found.at(-1)?.seq : found.at(-1)?.at;
    this.status.textContent = ack.ok ? counted(this.found, ack.more) : "";
  }

  row(message) {
    return messageLink(message, this.partnerIn(message.room), (said) => said.append(...partsOf(message)));
  }

  partnerIn(name) {
    return isDirect({ name }) ? (this.rooms.get(name)?.title ?? t("somebody")) : "";
  }

  pressed(button) {
    if (!button) return;
    this.dialog.close();
    this.jump(button.dataset.room, Number(button.dataset.seq));
  }
}

/** The text around the words; and the name of the file, where it is what was found, or all that there is. */
function partsOf({ text, marks, file, file_marks: inName = [] }) {
  const said = excerpt(text, marks).map(drawn);
  if (!file || (text && inName.length === 0)) return said;
  const name = document.createElement("bdi");
  name.className = "found-file";
  name.append(...excerpt(file.name, inName).map(drawn));
  return text ? [...said, " ", name] : [name];
}

function drawn({ text, isMarked }) {
  if (!isMarked) return visible(text);
  const mark = document.createElement("mark");
  mark.textContent = visible(text);
  return mark;
}

function counted(count, more) {
  if (count === 0) return t("Nothing was found.");
  return more ? tn("{n} or more found, the newest first", "{n} or more found, the newest first", count) : tn("{n} found, the newest first", "{n} found, the newest first", count);
}
