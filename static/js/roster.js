// The list of people in the active room.

import { t } from "./language.js";
import { paint, roleMark } from "./message.js";
import { visible } from "./visible-text.js";

const REFRESH_INTERVAL_MS = 10_000; // between two refreshes of stale pages

export class Roster {
  /**
   * ask(verb, payload) fetches further pages of a long list; firstPage(): the most people in a join's ack;
   * menu(button, {person}): opens the menu on somebody; card({person}): shows who it is.
   */
  constructor({ me, ask, wait, firstPage, menu, card }) {
    Object.assign(this, { me, ask, wait, firstPage, menu, card });
    this.list = document.getElementById("people");
    this.count = document.getElementById("head-count");
    this.more = document.getElementById("more-people");
    this.rows = new Map();
    this.more.addEventListener("click", () => this.fetchMore());
    this.list.addEventListener("click", ({ target }) => this.clicked(target.closest(".person"), target.closest("button")));
  }

  show(room) {
    this.room = room;
    const people = [...room.presence.people.values()].sort(byNickname);
    const rows = people.map((person) => this.row(person));
    this.rows = new Map(people.map((person, at) => [person.id, rows[at]]));
    this.list.replaceChildren(...rows);
    this.count.textContent = room.presence.count || "";
    this.more.hidden = people.length >= room.presence.count;
    if (room.presence.isStale) this.refresh();
  }

  row({ id, nickname, reconnecting, role, reserved, status, away }) {
    const row = this.rows.get(id) ?? blank();
    const [avatar, name] = row.children;
    const [line, button] = [".person-line", ".person-more"].map((part) => row.querySelector(part));
    row.dataset.id = id;
    if (name.textContent !== nickname) name.textContent = nickname;
    const isIgnored = this.me.ignores(id);
    const said = [away && t("away"), status && visible(status)].filter(Boolean).join(" · ");
    const text = reconnecting ? t("reconnecting") : isIgnored ? t("ignored") : said;
    line.textContent = text && ` ${text}`;
    line.title = status ?? "";
    fillRole(row, name, role);
    fillLock(row, name, reserved);
    button.hidden = this.me.is(id);
    button.setAttribute("aria-label", t("Actions for {name}", { name: visible(nickname) }));
    paint(avatar, id, nickname);
    row.classList.toggle("is-reconnecting", Boolean(reconnecting));
    row.classList.toggle("is-ignored", isIgnored);
    row.classList.toggle("is-reserved", Boolean(reserved));
    row.classList.toggle("is-away", Boolean(away));
    row.classList.toggle("has-line", text !== "");
    row.classList.toggle("is-me", this.me.is(id));
    return row;
  }

  clicked(row, button) {
    const person = row && this.room.presence.people.get(row.dataset.id);
    if (person && button) this.menu(button, { person });
    else if (person) this.card({ person });
  }

  /** Goes on where the server's last page ended: its order of names is not the one shown. */
  async fetchMore() {
    const { room } = this;
    const page = await this.page(room, room.presence.lastOfPages);
    if (page) room.presence.addPage(page.people);
  }

  /** At once, and then after a pause: a large room may change all the time, and not all its people must ask each time. */
  async refresh() {
    if (this.isPaused || document.hidden) return;
    const { room } = this;
    this.isPaused = true;
    await room.presence.refresh((after, limit) => this.page(room, after, limit), this.firstPage());
    await this.wait(REFRESH_INTERVAL_MS);
    this.isPaused = false;
    if (this.room.presence.isStale) this.refresh();
  }

  /** {people, more, count}, or null where there is no answer. */
  async page(room, after, limit) {
    const ack = await this.ask("people", { room: room.name, ...(after && { after }), ...(limit && { limit }) }).catch(() => null);
    return ack?.ok ? ack : null;
  }
}

function blank() {
  const row = document.createElement("li");
  const avatar = document.createElement("span");
  const name = document.createElement("span");
  const line = document.createElement("span");
  const button = document.createElement("button");
  row.className = "person";
  avatar.className = "avatar";
  avatar.ariaHidden = "true";
  name.className = "person-nickname";
  name.dir = "auto";
  name.dataset.you = t("(you)"); // drawn by the stylesheet, on one's own row
  line.className = "person-line";
  button.className = "person-more";
  button.type = "button";
  button.setAttribute("aria-haspopup", "menu");
  button.setAttribute("aria-expanded", "false");
  row.append(avatar, name, line, button);
  return row;
}

function fillRole(row, name, role) {
  row.classList.toggle("has-role", Boolean(role));
  const mark = row.querySelector(".role-mark");
  if (mark?.dataset.role === role) return;
  mark?.remove();
  if (role) name.after(roleMark(role));
}

/** A lock beside a name that nobody else can take. */
function fillLock(row, name, reserved) {
  const lock = row.querySelector(".lock");
  if (Boolean(reserved) === Boolean(lock)) return;
  if (reserved) name.after(document.getElementById("lock-template").content.firstElementChild.cloneNode(true));
  else lock.remove();
}

function byNickname(one, other) {
  return one.nickname.localeCompare(other.nickname, undefined, { sensitivity: "base", numeric: true });
}
