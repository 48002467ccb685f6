// Which room is shown, in step with the address bar: the list of rooms, /join, Back and Forward, leaving. No DOM in here.

import { t } from "./language.js";
import { labelOf, roomName } from "./room-name.js";
import { isRoomRef } from "./storage-readers.js";

export const BAD_ROOM = t("A room's name has letters a to z, digits, - and _ (64 at most), for example: book-club");

export class Navigation {
  /**
   * rooms: as in open-rooms.js; overlays: owns the history (overlays.js); base: the site's path; location: {pathname,
   * assign(url)}; show(room) draws a room; join(room) joins one that is new here; left(room): it was left; hasUnsent(name);
   * notify(text).
   */
  constructor({ rooms, overlays, base = "", location = globalThis.location, show, join, left, hasUnsent, notify }) {
    Object.assign(this, { rooms, overlays, base, location, show, join, left, hasUnsent, notify });
  }

  /** Shows a room; opens it first where it is not open. isInHistory: the address bar has it already. */
  goTo(name, { isInHistory = false } = {}) {
    if (!name) return;
    const isNew = !this.rooms.get(name);
    const room = this.rooms.add(name);
    if (!isInHistory && name !== this.rooms.activeName) this.overlays.push(this.pathOf(name));
    this.rooms.activate(name);
    this.show(room);
    if (isNew) this.join(room);
  }

  /** After a popstate: to the room of the address bar, unless the entry was an overlay's. */
  wentBack() {
    const staysHere = this.overlays.popped();
    const name = roomInPath(this.location.pathname, this.base);
    if (!staysHere || name !== this.rooms.activeName) this.goTo(name, { isInHistory: true });
  }

  /** Opens the room that somebody typed. Answers a sentence where there can be no such room. */
  open(text) {
    const name = roomName(text);
    if (!name) return BAD_ROOM;
    this.goTo(name);
    return "";
  }

  /** Leaves a room, unless words for it are unsent. The next open room takes its place; without one, the landing page. */
  leave(name) {
    if (this.hasUnsent(name)) {
      this.notify(t("What you said in {room} is not sent yet. Wait for it or take it back, then leave.", { room: labelOf(this.rooms.get(name)) }));
      return;
    }
    this.left(this.rooms.get(name));
    this.rooms.remove(name);
    if (name !== this.rooms.activeName) return;
    const [next] = this.rooms.all();
    if (next) this.goTo(next.name);
    else this.location.assign(`${this.base}/`);
  }

  pathOf(name) {
    return `${this.base}/r/${name}`;
  }
}

/** The room in the path of a chat page; null where there is none. */
export function roomInPath(pathname, base = "") {
  try {
    const name = decodeURIComponent(pathname.slice(`${base}/r/`.length));
    return isRoomRef(name) ? name : roomName(name);
  } catch {
    return null; // "%" without digits
  }
}
