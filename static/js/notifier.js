// Which messages are worth telling, and by which words: once in all tabs, nothing that was read meanwhile, and after a while
// away one sentence for all. No DOM in here.

import { isNews } from "./ignored.js";
import { sequence, t, tn } from "./language.js";
import { callsMe } from "./mentions.js";
import { isDirect, labelOf } from "./room-name.js";
import { position, readJson } from "./storage-readers.js";
import { wordsText } from "./words-text.js";

const GATHER_MS = 600; // in which another tab may read them, and more may come
const CATCH_UP_MS = 2_500; // the same, behind a reconnect: rooms come back one after the other
const MAX_TEXT = 200;
const MAX_AHEAD = 10_000; // messages by which another tab may know more; a row that claims more is damaged

export class Notifier {
  /**
   * choices: as in notify-choices.js; unread: as in unread.js; inTurn(act): runs act() while no other tab does; tell(notice): shows
   * {title, text, room, seq, tag, calls}; isCurrent(room): is it open still? isLooking(room): does somebody look at it now?
   */
  constructor({ me, choices, unread, storage, wait, inTurn, tell, isCurrent = () => true, isLooking = () => false }) {
    Object.assign(this, { me, choices, unread, storage, wait, inTurn, tell, isCurrent, isLooking });
    this.gathered = [];
    this.isAway = false;
  }

  /** The connection is down: what comes first when it is back was said meanwhile. */
  disconnected() {
    this.isAway = true;
  }

  /** A message of a room is new here; or isEdit: it calls the person now, and did not before. */
  arrived(room, message, isEdit = false) {
    if (!this.isWorth(room, message)) return;
    this.gathered.push({ room, message, isEdit });
    if (this.gathered.length === 1) this.flushSoon();
  }

  isWorth(room, message) {
    const level = this.choices.level(room);
    if (level === "none" || !isNews(message, this.me)) return false;
    return level === "all" || callsMe(message, this.me);
  }

  async flushSoon() {
    await this.wait(this.isAway ? CATCH_UP_MS : GATHER_MS);
    this.isAway = false;
    const { gathered } = this;
    this.gathered = [];
    const mine = await this.inTurn(() => gathered.filter((one) => this.isUnread(one) && this.isFirst(one)));
    if (mine.length > 0) this.tell(this.noticeOf(mine));
  }

  /** What was edited may have been read before. */
  isUnread({ room, message, isEdit }) {
    if (!this.isCurrent(room)) return false;
    return this.unread.position(room).seq < message.seq || (isEdit && !this.isLooking(room));
  }

  /** No other tab has told it; from now on this one has. Edits are counted by their revs. */
  isFirst({ room, message, isEdit }) {
    const [key, seq] = isEdit ? [`told-edit:${room.name}`, message.rev] : [`told:${room.name}`, message.seq];
    const told = readJson(this.storage, key, position);
    if (told && told.epoch === room.epoch && told.seq >= seq && told.seq <= seq + MAX_AHEAD) return false;
    this.storage.set(key, JSON.stringify({ epoch: room.epoch, seq }));
    return true;
  }

  noticeOf(gathered) {
    const { room, message } = gathered.at(-1);
    const calls = gathered.filter((one) => callsMe(one.message, this.me)).length;
    const rooms = new Set(gathered.map((one) => one.room.name));
    const where = { room: room.name, seq: message.seq, calls: calls > 0 };
    if (gathered.length === 1) {
      const title = isDirect(room) ? message.nickname : t("{who} in {room}", { who: message.nickname, room: labelOf(room) });
      return { ...where, title, text: textOf(message), tag: `${room.name}:${message.seq}` };
    }
    const mentions = calls > 0 ? [tn("{n} mentions you", "{n} mention you", calls)] : [];
    const count = gathered.length;
    if (rooms.size === 1) {
      const last = `${message.nickname}: ${textOf(message)}`;
      const news = tn("{n} new message in {room}", "{n} new messages in {room}", count, { room: labelOf(room) });
      return { ...where, title: sequence([news, ...mentions]), text: last, tag: room.name };
    }
    const news = tn("{n} new message in several rooms", "{n} new messages in {rooms} rooms", count, { rooms: rooms.size });
    return { ...where, title: sequence([news, ...mentions]), text: "", tag: "rooms" };
  }
}

function textOf({ text, words, kind, nickname, file }) {
  const plain = wordsText(words ?? text);
  const said = kind === "action" ? `* ${nickname} ${plain}` : plain || (file?.name ?? "");
  return [...said].length > MAX_TEXT ? `${[...said].slice(0, MAX_TEXT).join("")}…` : said;
}
