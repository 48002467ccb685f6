// The people of the room one looks at.

import { paint } from "./message.js";

export class Roster {
  /** ask(verb, payload) fetches the further pages of a long list. */
  constructor({ me, ask }) {
    this.me = me;
    this.ask = ask;
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
    const ack = await this.ask("people", { room: room.name, after: room.presence.lastOfPages }).catch(() => null);
    if (ack?.ok) room.presence.extend(ack.people);
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
