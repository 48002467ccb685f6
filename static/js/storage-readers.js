// Readers for the rows of the browser's storage. A crash, another program or an older version of the page may have left
// anything there, so every row is checked as untrusted input: a row of the wrong shape counts as absent. Pure.

const MAX_NAME_LENGTH = 256; // UTF-16 units; the server allows 32 graphemes
const MAX_TIME_MS = 8.64e15; // ECMA-262, 21.4.1.1
const MAX_ROOMS = 200;
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/; // the server checks the rest
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const ROOM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const DIRECT = /^@[A-Za-z0-9_.-]{1,32}$/;
const KEY = /^[A-Za-z0-9_-]{16,128}$/;
const CHOSEN = /^[a-z]{1,16}$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const DAY_MS = 86_400_000;
const CODE = /^[a-z_]{1,64}$/;

/** The row's text; null where there is none or `check` refuses it. Never throws. */
export function readText(storage, key, check = isText) {
  const text = storage.get(key);
  return isText(text) && check(text) ? text : null;
}

/** What `reader` makes of the row's JSON; null where there is no row, no JSON, or `reader` refuses it. */
export function readJson(storage, key, reader) {
  try {
    return reader(JSON.parse(storage.get(key))) ?? null;
  } catch {
    return null;
  }
}

export const isNickname = (text) => isText(text) && text.trim() !== "" && text.length <= MAX_NAME_LENGTH && isWellFormed(text);
export const isToken = (text) => isText(text) && TOKEN.test(text);
export const isId = (text) => isText(text) && ID.test(text);
export const isRoom = (text) => isText(text) && ROOM.test(text);

/** A room, or `@` and the id of whom one talks to there. */
export const isRoomRef = (text) => isText(text) && (ROOM.test(text) || DIRECT.test(text));

/** {id, nickname}: the person whom the server confirmed. */
export function person({ id, nickname }) {
  return isId(id) && isNickname(nickname) ? { id, nickname } : null;
}

/** {epoch, seq}: the last message of a room that was read. */
export function position({ epoch, seq }) {
  return isText(epoch) && isCount(seq) ? { epoch, seq } : null;
}

/** The valid names in a list of rooms. */
export function roomNames(list) {
  return Array.isArray(list) ? [...new Set(list.filter(isRoomRef))].slice(0, MAX_ROOMS) : [];
}

/** What is chosen of the page's look, by name (look.js). */
export function look(chosen) {
  const entries = Object.entries(chosen).filter(([, value]) => isText(value) && CHOSEN.test(value));
  return Object.fromEntries(entries.slice(0, 10));
}

/** What was typed, by the name of its box (typed.js). */
export function texts(typed) {
  return Object.fromEntries(Object.entries(typed).filter(([, value]) => isText(value)));
}

/** {kind, key?}: what is shown at the door of a room (room-key.js). */
export function roomPass({ kind, key }) {
  if (kind === "unlisted") return { kind };
  return (kind === "owner" || kind === "invite") && isText(key) && KEY.test(key) ? { kind, key } : null;
}

/** {verb, seq, nickname, text}: the context of the composer. */
export function composerContext({ verb, seq, nickname, text }) {
  if (!isCount(seq) || seq < 1) return null;
  return { verb, seq, nickname: isText(nickname) ? nickname : "", text: isText(text) ? text : "" };
}

/** Is this a time to come? One further away than `maxMs` was stored while the clock was wrong. */
export function isAhead(text, now, maxMs) {
  const until = Number(text);
  return until > now && until <= now + maxMs;
}

/** Is this a moment as the server writes it, and not one to come? This machine's clock may be a day off. */
export function isPast(text, now = Date.now()) {
  return MOMENT.test(text) && Date.parse(text) <= now + DAY_MS;
}

/** A row of the outbox. A row with a readable text is kept even if its other fields are damaged; if it cannot be sent, the
 * server says why. */
export function outboxItem({ id, room, text, reply_to, file, at, nth, tab, error, sentence, touched }) {
  const carried = file ? outboxFile(file) : undefined;
  if (!isId(id) || !isRoomRef(room) || !isText(text) || (!text.trim() && !carried)) return null;
  return {
    file: carried,
    id,
    room,
    text,
    reply_to: isCount(reply_to) && reply_to > 0 ? reply_to : undefined,
    at: isTime(at) ? at : Date.now(),
    nth: isCount(nth) ? nth : 0,
    tab: isId(tab) ? tab : "",
    touched: isTime(touched) ? touched : 0,
    error: isText(error) && CODE.test(error) ? error : undefined,
    sentence: isText(sentence) ? sentence : undefined,
  };
}

/** What a row of the outbox says of its file; its bytes are elsewhere, under its key. */
function outboxFile({ key, name, type, bytes, width, height, id, sent }) {
  if (!isId(key) || !isText(name)) return undefined;
  const size = isCount(width) && isCount(height) ? { width, height } : {};
  const uploaded = isId(id) && sent?.id === id ? { id, sent: sentFile(sent) } : {};
  return { key, name, type: isText(type) ? type : "", bytes: isCount(bytes) ? bytes : 0, ...size, ...uploaded };
}

/** A file as the server told of it. */
function sentFile(sent) {
  const counts = ["bytes", "width", "height"];
  const isGood = ([field, value]) => (counts.includes(field) ? isCount(value) : isText(value) || typeof value === "boolean");
  return Object.fromEntries(Object.entries(sent).filter(isGood));
}

function isText(value) {
  return typeof value === "string";
}

/** False for a lone surrogate: the server would not read a handshake with one. */
function isWellFormed(text) {
  try {
    encodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function isCount(value) {
  return Number.isSafeInteger(value) && value >= 0;
}

function isTime(value) {
  return Number.isFinite(value) && value >= 0 && value <= MAX_TIME_MS;
}
