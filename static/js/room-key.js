// Keys in the address: `#owner=KEY` makes whoever opens it an owner of the room, `#invite=KEY` lets them in. They are taken out
// of the address bar at once, and kept for this tab until the server has answered. No DOM in here.

import { readJson, roomPass } from "./storage-readers.js";

const FOUND = /^#(?:(owner|invite)=([A-Za-z0-9_-]{16,128})|(unlisted))$/;
const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const MAX_NAME = 64;
const END_LENGTH = 10;

/** {kind, key?} in the fragment of an address; null where it has none. `#unlisted`: a new room that is to be in no list. */
export function keyIn(hash) {
  const found = FOUND.exec(hash);
  if (!found) return null;
  return found[3] ? { kind: found[3] } : { kind: found[1], key: found[2] };
}

/** The name of a room that nobody guesses: with a random end. */
export function unguessable(name, random = (bytes) => globalThis.crypto.getRandomValues(bytes)) {
  const end = [];
  while (end.length < END_LENGTH) {
    for (const byte of random(new Uint8Array(END_LENGTH))) if (byte < 252 && end.length < END_LENGTH) end.push(LETTERS[byte % LETTERS.length]);
  }
  return `${name.slice(0, MAX_NAME - END_LENGTH - 1)}-${end.join("")}`;
}

/** What this tab shows at the door of each room: {kind: "owner" | "invite", key} or {kind: "unlisted"}. */
export class RoomPasses {
  constructor({ storage, history = globalThis.history, location = globalThis.location }) {
    Object.assign(this, { storage, history, location });
  }

  /** Takes the key out of the address bar. Answers whether there was one. */
  take(room) {
    const found = keyIn(this.location.hash);
    if (!found) return false;
    this.set(room, found);
    this.history.replaceState(this.history.state, "", this.location.pathname + this.location.search);
    return true;
  }

  set(room, pass) {
    this.storage.set(`pass:${room}`, JSON.stringify(pass));
  }

  get(room) {
    return readJson(this.storage, `pass:${room}`, roomPass);
  }

  /** What a join says because of it. */
  payload(room) {
    const pass = this.get(room);
    if (pass?.kind === "invite") return { invite: pass.key };
    return pass?.kind === "unlisted" ? { listed: false } : {};
  }

  remove(room) {
    this.storage.remove(`pass:${room}`);
  }
}
