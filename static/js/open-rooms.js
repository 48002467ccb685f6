// The rooms that are open in this browser, in the order in which they were opened (the same after every reload), and which
// of them is active. No DOM in here.

import { readJson, roomNames } from "./storage-readers.js";

export class OpenRooms {
  /** make(name) gives a Room; changed(room): draw its entry in the list anew; removed(name). */
  constructor({ storage, make, changed = () => {}, removed = () => {} }) {
    Object.assign(this, { storage, make, changed, removed });
    this.byName = new Map();
  }

  get active() {
    return this.byName.get(this.activeName);
  }

  get(name) {
    return this.byName.get(name);
  }

  all() {
    return [...this.byName.values()];
  }

  /** Opens a room, or gives the one that is open. */
  add(name) {
    const known = this.byName.get(name);
    if (known) return known;
    const room = this.make(name);
    this.byName.set(name, room);
    this.store((names) => [...names, name]);
    this.changed(room);
    return room;
  }

  activate(name) {
    this.activeName = name;
    this.storage.set("last-room", name);
    for (const room of this.all()) this.changed(room);
  }

  remove(name) {
    this.byName.delete(name);
    this.store((names) => names.filter((other) => other !== name));
    this.removed(name);
  }

  /** The names of the rooms that were open on the last visit. */
  stored() {
    return readJson(this.storage, "rooms", roomNames) ?? [];
  }

  store(change) {
    this.storage.set("rooms", JSON.stringify([...new Set(change(this.stored()))]));
  }
}
