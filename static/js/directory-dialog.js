// The rooms of the site, found from inside a room: those that are open first, then the others. Loaded when it is first wanted.

import { Dialog } from "./dialog.js";
import { sequence, t, tn } from "./language.js";
import { isDirect, roomName } from "./room-name.js";
import { visible } from "./visible-text.js";

const PAUSE_MS = 300; // in typing, before the server is asked

export class DirectoryDialog {
  /** ask(verb, payload) -> Promise of the ack; rooms: the open ones; unread(room): how many; go(name): shows a room. */
  constructor({ overlays, layout, ask, rooms, unread, go, wait }) {
    Object.assign(this, { ask, rooms, unread, go, wait, listed: [], round: 0 });
    this.dialog = new Dialog("directory-dialog", { overlays, layout, submitted: () => this.goToFirst(), closed: () => (this.round += 1) });
    [this.list, this.status] = ["list", "status"].map((name) => this.dialog.part(name));
    this.box = this.dialog.form.elements.query;
    this.box.addEventListener("input", () => this.typed());
    this.box.addEventListener("keydown", (event) => event.key === "ArrowDown" && this.step(event, 1));
    this.list.addEventListener("keydown", (event) => ["ArrowDown", "ArrowUp"].includes(event.key) && this.step(event, event.key === "ArrowDown" ? 1 : -1));
    this.list.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
  }

  open() {
    this.box.value = "";
    this.listed = [];
    this.dialog.open(t("Rooms"));
    this.box.focus();
    this.draw();
    this.read();
  }

  async typed() {
    const round = (this.round += 1);
    this.draw();
    await this.wait(PAUSE_MS);
    if (round === this.round) this.read();
  }

  async read() {
    const { round } = this;
    const query = this.box.value.trim();
    const ack = await this.ask("rooms", query ? { query } : {});
    if (round !== this.round || !this.dialog.isOpen) return;
    this.dialog.showSentence(ack.ok ? "" : ack.text);
    if (ack.ok) this.listed = ack.rooms;
    this.draw();
  }

  draw() {
    const found = this.matching();
    this.list.replaceChildren(...found.map(row));
    const name = roomName(this.box.value);
    const isNew = name && !found.some((room) => room.name === name);
    if (isNew) this.list.append(row({ name, isNew }));
    this.status.textContent = found.length === 0 && !isNew ? t("No room is called so.") : "";
  }

  /** Those that are open here first. */
  matching() {
    const known = new Map(this.listed.map((room) => [room.name, room]));
    const open = this.rooms.all().filter((room) => !isDirect(room)).map((room) => ({ topic: room.topic, people: room.presence.count, ...known.get(room.name), name: room.name, isOpen: true, unread: this.unread(room) }));
    const others = this.listed.filter(({ name }) => !this.rooms.get(name));
    const wanted = this.box.value.trim().replace(/^#/, "").toLocaleLowerCase();
    return [...open, ...others].filter(({ name, topic }) => `${name} ${topic ?? ""}`.toLocaleLowerCase().includes(wanted));
  }

  goToFirst() {
    this.pressed(this.list.querySelector("button"));
  }

  pressed(button) {
    if (!button) return;
    this.dialog.close();
    this.go(button.dataset.room);
  }

  step(event, by) {
    const buttons = [...this.list.querySelectorAll("button")];
    const to = buttons.indexOf(document.activeElement) + by;
    event.preventDefault();
    (to < 0 ? this.box : buttons[Math.min(to, buttons.length - 1)])?.focus();
  }
}

function row({ name, topic, people, unread = 0, isOpen, isNew }) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "directory-row";
  button.dataset.room = name;
  button.append(part("directory-name", `#${name}`));
  if (isNew) button.append(part("directory-topic", t("Make this room")));
  else if (topic) button.append(part("directory-topic", visible(topic)));
  if (unread > 0) button.append(part("badge", unread > 99 ? "99+" : String(unread), tn("{n} unread", "{n} unread", unread)));
  if (!isNew) button.append(part("directory-people", sequence([isOpen && t("open"), people ? tn("{n} here", "{n} here", people) : ""].filter(Boolean))));
  item.append(button);
  return item;
}

function part(className, text, label) {
  const element = document.createElement("span");
  element.className = className;
  element.dir = "auto";
  element.textContent = text;
  if (label) element.setAttribute("aria-label", label);
  return element;
}
