// Messages that call this browser's person. Pure.

import { isNews } from "./ignored.js";
import { isPast, readText } from "./storage-readers.js";

export const EVERYONE = "everyone";

/** Is it news, and does it call me, or everybody? */
export function callsMe(message, me) {
  return Boolean(message.mentions?.some((id) => id === EVERYONE || me.is(id))) && isNews(message, me);
}

/** Each mention in a row under the name that the person bears now. nicknameOf(id): undefined where that is not known. */
export function fillMentions(row, { me, nicknameOf }) {
  for (const mark of row.querySelectorAll(".mention")) {
    const { person } = mark.dataset;
    const nickname = nicknameOf(person);
    mark.classList.toggle("is-me", me.is(person) || person === EVERYONE);
    if (!nickname || mark.textContent === `@${nickname}`) continue;
    mark.title = mark.textContent;
    mark.textContent = `@${nickname}`;
  }
}

/** The unread messages of a room that call me. */
export function unreadCalls(room, unread, me) {
  return unread.messages(room).filter((message) => callsMe(message, me));
}

/** One's mentions of all rooms, as far as they are known here: the newest first. */
export class MentionList {
  /** storage: holds when the newest one was that somebody has looked at; isRead(room, seq): in an open room, to its end. */
  constructor({ storage, isRead }) {
    Object.assign(this, { storage, isRead, messages: [], edited: new Set() });
  }

  /** A page of the server's list; the first one begins it anew. */
  add(messages, isFirst = false) {
    if (isFirst) this.messages = [];
    for (const message of messages) this.put(message);
  }

  /** A message of an open room that is new, or has changed. calls: does it call me now? isNewCall: by an edit. */
  put(message, calls = true, isNewCall = false) {
    if (isNewCall) this.edited.add(keyOf(message));
    this.messages = this.messages.filter(({ room, seq }) => room !== message.room || seq !== message.seq);
    if (calls) this.messages.push(message);
    this.messages.sort((one, other) => Date.parse(other.at) - Date.parse(one.at) || other.seq - one.seq);
  }

  /** How many nobody has looked at, neither in the list nor in their room. */
  get news() {
    const seen = this.seenUntil;
    const isNews = ({ at, room, seq }) => at > seen && !this.isRead(room, seq);
    return this.messages.filter((message) => this.edited.has(keyOf(message)) || isNews(message)).length;
  }

  get seenUntil() {
    return readText(this.storage, "mentions-seen", (text) => isPast(text)) ?? "";
  }

  /** The list was looked at. */
  seen() {
    const [newest] = this.messages;
    this.edited.clear();
    if (newest && newest.at > this.seenUntil) this.storage.set("mentions-seen", newest.at);
  }

  /** Of somebody else. */
  clear() {
    this.messages = [];
    this.edited.clear();
  }
}

function keyOf({ room, seq }) {
  return `${room}:${seq}`;
}
