// The list of open rooms at the side: one entry for each, with the count of unread messages and a button to leave.

import { sitePath } from "./base.js";
import { t, tn } from "./language.js";
import { isDirect } from "./room-name.js";
import { visible } from "./visible-text.js";

export class RoomList {
  /**
   * rooms: as in open-rooms.js; unread: as in unread.js; chosen(name): an entry was clicked; left(name): its cross;
   * decorate(room, entry): draws more into an entry. */
  constructor({ rooms, unread, chosen, left, decorate = () => {} }) {
    Object.assign(this, { rooms, unread, chosen, left, decorate });
    this.entries = new Map();
    this.list = document.getElementById("rooms");
    this.directs = document.getElementById("directs");
    for (const list of [this.list, this.directs]) list?.addEventListener("click", (event) => this.clicked(event));
  }

  draw(room) {
    const entry = this.entries.get(room.name) ?? this.newEntry(room);
    const unread = this.unread.count(room);
    const link = entry.firstElementChild;
    const badge = link.lastElementChild;
    if (isDirect(room)) link.querySelector(".room-entry-name").textContent = visible(room.title ?? "…");
    entry.classList.toggle("is-unread", unread > 0);
    if (room.name === this.rooms.activeName) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    badge.hidden = unread === 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.setAttribute("aria-label", tn("{n} unread", "{n} unread", unread));
    this.decorate(room, entry);
  }

  remove(name) {
    this.entries.get(name)?.remove();
    this.entries.delete(name);
    this.showDirects();
  }

  /** The form below the list. open(text) opens another room, or answers a sentence. */
  onAnother(open) {
    const form = document.getElementById("another-room");
    const sentence = form.querySelector(".sentence");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const box = form.elements.room;
      sentence.textContent = open(box.value);
      sentence.hidden = !sentence.textContent;
      box.setAttribute("aria-invalid", String(!sentence.hidden));
      if (sentence.hidden) box.value = "";
      else box.focus();
    });
  }

  /** The list of conversations has a heading, and is there only where there is one. */
  showDirects() {
    const isEmpty = this.directs.childElementCount === 0;
    for (const part of [this.directs, this.directs.previousElementSibling]) part.hidden = isEmpty;
  }

  newEntry(room) {
    const { name } = room;
    const entry = document.createElement("li");
    const link = document.createElement("a");
    const label = document.createElement("span");
    const badge = document.createElement("span");
    const cross = document.createElement("button");
    entry.className = "room-entry";
    entry.dataset.room = name;
    link.href = sitePath(`/r/${isDirect(room) ? name : encodeURIComponent(name)}`);
    label.className = "room-entry-name";
    label.textContent = name;
    badge.className = "badge";
    link.append(label, badge);
    cross.type = "button";
    cross.className = "room-entry-leave";
    const leave = isDirect(room) ? t("Close the conversation") : t("Leave {room}", { room: name });
    cross.setAttribute("aria-label", leave);
    cross.title = leave;
    label.dir = "auto";
    entry.append(link, cross);
    this.entries.set(name, entry);
    (isDirect(room) ? this.directs : this.list).append(entry);
    this.showDirects();
    return entry;
  }

  clicked(event) {
    const { room } = event.target.closest(".room-entry")?.dataset ?? {};
    if (!room || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (event.target.closest(".room-entry-leave")) this.left(room);
    else this.chosen(room);
  }
}
