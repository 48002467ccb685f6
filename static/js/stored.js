// Readers for the rows of the browser's storage. A crash, another program or an older page may have left anything there, so
// every row is read as if a stranger had written it: what is not as it has to be counts as absent. Pure.

const LONGEST_NAME = 256; // UTF-16 units; the server allows 32 graphemes
const LAST_MOMENT = 8.64e15; // ms; ECMA-262, 21.4.1.1
const MOST_ROOMS = 200;
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/; // the server knows which of these can be one
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const ROOM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const CODE = /^[a-z_]{1,64}$/;

/** The row as `check` has it; null where there is none or it is not good. Never throws. */
export function readText(storage, key, check = isText) {
  const text = storage.get(key);
  return isText(text) && check(text) ? text : null;
}

/** The row's JSON as `reader` gives it; null where there is none, it is no JSON, or the reader finds nothing in it. */
export function readJson(storage, key, reader) {
  try {
    return reader(JSON.parse(storage.get(key))) ?? null;
  } catch {
    return null;
  }
}

export const isNickname = (text) => isText(text) && text.trim() !== "" && text.length <= LONGEST_NAME && isWellFormed(text);
export const isToken = (text) => isText(text) && TOKEN.test(text);
export const isId = (text) => isText(text) && ID.test(text);
export const isRoom = (text) => isText(text) && ROOM.test(text);

/** {id, nickname}: whom the server agreed to. */
export function person({ id, nickname }) {
  return isId(id) && isNickname(nickname) ? { id, nickname } : null;
}

/** {epoch, seq}: how far a room is read. */
export function position({ epoch, seq }) {
  return isText(epoch) && isCount(seq) ? { epoch, seq } : null;
}

/** The good names in a list of rooms. */
export function roomNames(list) {
  return Array.isArray(list) ? [...new Set(list.filter(isRoom))].slice(0, MOST_ROOMS) : [];
}

/** {verb, seq, nickname, text}: what the composer is about. */
export function subject({ verb, seq, nickname, text }) {
  if (!isCount(seq) || seq < 1) return null;
  return { verb, seq, nickname: isText(nickname) ? nickname : "", text: isText(text) ? text : "" };
}

/** A moment that has not passed, and is not further away than it was when it was stored. */
export function isAhead(text, now, longest) {
  const until = Number(text);
  return until > now && until <= now + longest;
}

/** A row of the outbox. The words count: where only what is noted beside them is damaged, they are kept, and where they
 * cannot be sent the server says why. */
export function outboxItem({ id, room, text, reply_to, at, nth, tab, error, sentence, touched }) {
  if (!isId(id) || !isRoom(room) || !isText(text) || !text.trim()) return null;
  return {
    id,
    room,
    text,
    reply_to: isCount(reply_to) && reply_to > 0 ? reply_to : undefined,
    at: isMoment(at) ? at : Date.now(),
    nth: isCount(nth) ? nth : 0,
    tab: isId(tab) ? tab : "",
    touched: isMoment(touched) ? touched : 0,
    error: isText(error) && CODE.test(error) ? error : undefined,
    sentence: isText(sentence) ? sentence : undefined,
  };
}

function isText(value) {
  return typeof value === "string";
}

/** A lone half of a surrogate pair is no character, and the handshake that holds it would not be read. */
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

function isMoment(value) {
  return Number.isFinite(value) && value >= 0 && value <= LAST_MOMENT;
}
