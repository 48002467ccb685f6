// The parts of the page around the conversation: the room's head, the page's title, one's own nickname, and what is hidden
// while the nickname dialog is open.

import { dateFormat, t } from "./language.js";
import { paint } from "./message.js";
import { visible } from "./visible-text.js";
import { isDirect, labelOf } from "./room-name.js";

const ROOM_PARTS = ["conversation", "drawer", "drawer-button", "search-button", "link-button", "room-menu"];
const printed = dateFormat({ dateStyle: "full", timeStyle: "short" });
const element = (id) => document.getElementById(id);

export class Layout {
  /** retention(keep) -> {label, sentence}: how long messages are kept. */
  constructor({ site, retention }) {
    Object.assign(this, { site, retention });
    this.uncovered = () => null; // the drawer of a narrow screen stays out of reach
    // On paper nothing else says which day "Today" was.
    window.addEventListener("beforeprint", () => (element("printed").textContent = t("As of {time}", { time: printed.format(new Date()) })));
  }

  get isRoomShown() {
    return document.body.classList.contains("is-inside");
  }

  showRoom() {
    for (const part of ROOM_PARTS) Object.assign(element(part), { hidden: false, inert: false });
    document.body.classList.add("is-inside");
  }

  hideRoom() {
    for (const part of ROOM_PARTS) element(part).hidden = true;
    document.body.classList.remove("is-inside");
  }

  /** In sight, but out of reach while the dialog is in front of it. */
  coverRoom() {
    for (const part of ROOM_PARTS) element(part).inert = true;
  }

  uncoverRoom() {
    for (const part of ROOM_PARTS) element(part).inert = false;
    this.uncovered();
  }

  showHead(room) {
    const { topic } = room;
    const { label, sentence } = this.retention(room.keep);
    element("room-name").textContent = isDirect(room) ? (room.title ?? "") : room.name;
    document.body.classList.toggle("is-direct", isDirect(room));
    write(element("room-topic"), topic);
    write(element("room-keep"), label);
    element("room-topic").title = topic;
    element("room-keep").title = sentence;
    this.label = labelOf(room);
    this.drawTitle();
  }

  showMe({ id, nickname, reserved, about }) {
    element("self-nickname").textContent = nickname;
    element("self-reserved").hidden = !reserved;
    write(element("self-status"), visible(about.status ?? ""));
    paint(element("self-avatar"), id ?? nickname, nickname);
  }

  showUnread(unread, isElsewhere) {
    this.unread = unread;
    this.drawTitle();
    document.querySelector(".drawer-unread").hidden = !isElsewhere;
  }

  drawTitle() {
    document.title = `${this.unread > 0 ? `(${this.unread}) ` : ""}${this.label} · ${this.site}`;
  }
}

/** An empty text takes no space. */
function write(line, text) {
  line.textContent = text;
  line.hidden = !text;
}
