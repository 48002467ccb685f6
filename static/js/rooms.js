// The rooms this browser has open: which, how far each is read, and their list at the side, in the order in which they were
// joined: the same after every reload.

import { at } from "./base.js";
import { isRoom, position, readJson, roomNames } from "./stored.js";

const AHEAD = 100; // messages that another tab may have read before they came here

export class Rooms {
  /** make(name) gives a Room; me is oneself; chosen(name) hears a click on a room, left(name) on its cross. */
  constructor({ storage, make, me, chosen, left }) {
    Object.assign(this, { storage, make, me, chosen, left });
    this.open = new Map();
    this.rows = new Map();
    this.list = document.getElementById("rooms");
    this.list.addEventListener("click", (event) => this.clicked(event));
  }

  get active() {
    return this.open.get(this.activeName);
  }

  get(name) {
    return this.open.get(name);
  }

  all() {
    return [...this.open.values()];
  }

  add(name) {
    const known = this.open.get(name);
    if (known) return known;
    const room = this.make(name);
    this.open.set(name, room);
    this.remember((names) => [...names, name]);
    this.draw(room);
    return room;
  }

  activate(name) {
    this.activeName = name;
    this.storage.set("last-room", name);
    for (const room of this.all()) this.draw(room);
  }

  remove(name) {
    this.open.delete(name);
    this.remember((names) => names.filter((other) => other !== name));
    this.storage.remove(`read:${name}`);
    this.rows.get(name)?.remove();
    this.rows.delete(name);
  }

  /** How many messages of others came since one last looked. */
  unread(room) {
    return this.unreadIn(room).length;
  }

  /** The seq of the first of them. */
  firstUnread(room) {
    return this.unreadIn(room)[0]?.seq;
  }

  unreadAnywhere() {
    return this.all().reduce((sum, room) => sum + this.unread(room), 0);
  }

  unreadElsewhere() {
    return this.all().some((room) => room !== this.active && this.unread(room) > 0);
  }

  unreadIn(room) {
    const { seq } = this.readUpTo(room);
    const first = room.placeOf(seq + 1);
    return room.messages.slice(first).filter(({ author, deleted }) => !this.me.is(author) && !deleted);
  }

  markRead(room) {
    if (room.rev === null) return;
    const seq = room.latest?.seq ?? 0;
    const read = this.readUpTo(room);
    if (read.seq === seq && read.stored) return;
    this.note(room, seq);
    this.draw(room);
  }

  draw(room) {
    const row = this.rows.get(room.name) ?? this.newRow(room);
    const unread = this.unread(room);
    const link = row.firstElementChild;
    const badge = link.lastElementChild;
    row.classList.toggle("is-unread", unread > 0);
    if (room.name === this.activeName) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    badge.hidden = unread === 0;
    badge.textContent = unread > 99 ? "99+" : String(unread);
    badge.setAttribute("aria-label", `${unread} unread`);
  }

  /** asked(text) opens another room, or answers a sentence. */
  onAnother(asked) {
    const form = document.getElementById("another-room");
    const sentence = form.querySelector(".sentence");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const box = form.elements.room;
      sentence.textContent = asked(box.value);
      sentence.hidden = !sentence.textContent;
      box.setAttribute("aria-invalid", String(!sentence.hidden));
      if (sentence.hidden) box.value = "";
      else box.focus();
    });
  }

  /** A room seen for the first time counts as read as it is then. */
  readUpTo(room) {
    const stored = readJson(this.storage, `read:${room.name}`, position);
    if (stored && stored.epoch === room.epoch) return { seq: stored.seq, stored: true };
    return { seq: room.latest?.seq ?? 0, stored: false };
  }

  /** A room is caught up: where nothing good is noted of it, or far more than was ever said, that begins now. */
  begin(room) {
    const latest = room.latest?.seq ?? 0;
    const read = this.readUpTo(room);
    if (!read.stored || read.seq > latest + AHEAD) this.note(room, latest);
  }

  note(room, seq) {
    this.storage.set(`read:${room.name}`, JSON.stringify({ epoch: room.epoch, seq }));
  }

  /** The rooms that were open when this browser was here before. */
  stored() {
    return readJson(this.storage, "rooms", roomNames) ?? [];
  }

  remember(change) {
    this.storage.set("rooms", JSON.stringify([...new Set(change(this.stored()))]));
  }

  newRow({ name }) {
    const row = document.createElement("li");
    const link = document.createElement("a");
    const label = document.createElement("span");
    const badge = document.createElement("span");
    const cross = document.createElement("button");
    row.className = "room-entry";
    row.dataset.room = name;
    link.href = at(`/r/${encodeURIComponent(name)}`);
    label.className = "room-entry-name";
    label.textContent = name;
    badge.className = "badge";
    link.append(label, badge);
    cross.type = "button";
    cross.className = "room-entry-leave";
    cross.setAttribute("aria-label", `Leave ${name}`);
    cross.title = `Leave ${name}`;
    row.append(link, cross);
    this.rows.set(name, row);
    this.list.append(row);
    return row;
  }

  clicked(event) {
    const { room } = event.target.closest(".room-entry")?.dataset ?? {};
    if (!room || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (event.target.closest(".room-entry-leave")) this.left(room);
    else this.chosen(room);
  }
}

/** A room's name as the server will have it, or null where it cannot be one. */
export function roomName(text) {
  const name = text.trim().replace(/^#/, "").toLowerCase().replace(/\s+/g, "-");
  return isRoom(name) ? name : null;
}
