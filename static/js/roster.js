// The people of the room one looks at.

import { paint } from "./message.js";

const REFRESH_INTERVAL = 10_000; // ms between two times that stale pages are fetched again

export class Roster {
  /** ask(verb, payload) fetches the further pages of a long list; firstPage() is how many people a join brings at most. */
  constructor({ me, ask, wait, firstPage }) {
    Object.assign(this, { me, ask, wait, firstPage });
    this.list = document.getElementById("people");
    this.count = document.getElementById("head-count");
    this.more = document.getElementById("more-people");
    this.rows = new Map();
    this.more.addEventListener("click", () => this.fetchMore());
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

  row({ id, nickname, reconnecting }) {
    const row = this.rows.get(id) ?? blank();
    const [avatar, name, line] = row.children;
    if (name.textContent !== nickname) name.textContent = nickname;
    line.textContent = reconnecting ? " reconnecting" : "";
    paint(avatar, id, nickname);
    row.classList.toggle("is-reconnecting", Boolean(reconnecting));
    row.classList.toggle("is-me", this.me.is(id));
    return row;
  }

  /** From where the server's pages ended: its order of names is not the reader's. */
  async fetchMore() {
    const { room } = this;
    const page = await this.page(room, room.presence.lastOfPages);
    if (page) room.presence.extend(page.people);
  }

  /** At once, and then not before some time: a large room may change all the time, and its people shall not all ask. */
  async refresh() {
    if (this.isResting || document.hidden) return;
    const { room } = this;
    this.isResting = true;
    await room.presence.refresh((after, limit) => this.page(room, after, limit), this.firstPage());
    await this.wait(REFRESH_INTERVAL);
    this.isResting = false;
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
  row.className = "person";
  avatar.className = "avatar";
  avatar.ariaHidden = "true";
  name.className = "person-nickname";
  name.dir = "auto";
  line.className = "person-line";
  row.append(avatar, name, line);
  return row;
}

function byNickname(one, other) {
  return one.nickname.localeCompare(other.nickname, undefined, { sensitivity: "base", numeric: true });
}
