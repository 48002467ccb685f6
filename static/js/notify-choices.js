// Of what this person wants to be told: by room, how, and when not. Kept in this browser; what was chosen for a room also with
// the person, at the server. Pure.

import { isDirect } from "./room-name.js";
import { isRoomRef, readJson, readText } from "./storage-readers.js";

export const LEVELS = ["all", "mentions", "none"];
const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
const FLAGS = ["desktop", "sound"];

export class NotifyChoices {
  constructor({ storage }) {
    this.storage = storage;
  }

  /** Of a room: "all", "mentions" or "none". Of two people alone, all that was not chosen otherwise. */
  level({ name }) {
    const chosen = readText(this.storage, `notify:${name}`, (text) => LEVELS.includes(text));
    return chosen ?? (isDirect({ name }) ? "all" : "mentions");
  }

  setLevel(name, level) {
    if (LEVELS.includes(level)) this.storage.set(`notify:${name}`, level);
  }

  /** Names of rooms for which something was chosen here that the server has not confirmed. */
  get untold() {
    return readJson(this.storage, "notify-untold", namesOfRooms) ?? [];
  }

  /** The person has chosen. */
  choose(name, level) {
    this.setLevel(name, level);
    this.setUntold([...this.untold.filter((one) => one !== name), name]);
  }

  /** The server knows of this choice. Meanwhile there may be another one. */
  confirm(name, level) {
    if (this.level({ name }) === level) this.setUntold(this.untold.filter((one) => one !== name));
  }

  /** levels: by room, as the server knows them; those chosen here since then are newer. */
  learn(levels) {
    const { untold } = this;
    for (const [name, level] of Object.entries(levels)) if (!untold.includes(name)) this.setLevel(name, level);
  }

  setUntold(names) {
    this.storage.set("notify-untold", JSON.stringify(names));
  }

  /** {desktop, sound}: both off until somebody wants them. */
  get how() {
    return Object.fromEntries(FLAGS.map((name) => [name, this.storage.get(`notify-${name}`) === "on"]));
  }

  set(name, isOn) {
    this.storage.set(`notify-${name}`, isOn ? "on" : "off");
  }

  /** {isOn, from, to}, as "22:00" */
  get quiet() {
    return readJson(this.storage, "notify-quiet", quietHours) ?? { isOn: false, from: "22:00", to: "07:00" };
  }

  setQuiet(quiet) {
    if (quietHours(quiet)) this.storage.set("notify-quiet", JSON.stringify(quiet));
  }

  /** Is this a moment of the quiet hours, by this machine's clock? Equal ends are the whole day. */
  isQuiet(now = new Date()) {
    const { isOn, from, to } = this.quiet;
    if (!isOn) return false;
    const minute = now.getHours() * 60 + now.getMinutes();
    const [begin, end] = [minutes(from), minutes(to)];
    return begin < end ? minute >= begin && minute < end : minute >= begin || minute < end;
  }
}

function namesOfRooms(names) {
  return names.filter(isRoomRef);
}

function quietHours({ isOn, from, to }) {
  return [from, to].every((time) => typeof time === "string" && TIME.test(time)) ? { isOn: Boolean(isOn), from, to } : null;
}

function minutes(time) {
  const [hours, rest] = time.split(":").map(Number);
  return hours * 60 + rest;
}
