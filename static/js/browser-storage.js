// The browser's storage under our own prefix. It may be blocked, full, or throw from any of its functions (a damaged profile
// of Firefox); then memory takes its place: the chat works, a reload loses what was in memory, and the person is told so.

import { TabHistory } from "./tab-history.js";

const PREFIX = "parlor:";
const PROBE = "probe";

export class BrowserStorage {
  /** kind: "localStorage" or "sessionStorage". In place of the second, rows can also go into the tab's history. */
  constructor(kind) {
    this.memory = new Map(); // what could not be stored, and as null what could not be removed
    this.storage = opened(kind);
    this.isVolatile = false; // a row is in memory only
    this.becameVolatile = () => null;
    if (!this.works() && kind === "sessionStorage" && !this.hasRows()) this.storage = new TabHistory();
  }

  get(key) {
    if (this.memory.has(key)) return this.memory.get(key);
    const stored = this.attempt((storage) => storage.getItem(PREFIX + key));
    return typeof stored === "string" ? stored : null;
  }

  /** Stored means that it can be read back. */
  set(key, value) {
    const isStored = this.attempt((storage) => {
      storage.setItem(PREFIX + key, value);
      return storage.getItem(PREFIX + key) === value;
    });
    if (isStored) this.memory.delete(key);
    else this.memory.set(key, value);
    if (!isStored) this.becomeVolatile();
  }

  remove(key) {
    const isGone = this.attempt((storage) => {
      storage.removeItem(PREFIX + key);
      return storage.getItem(PREFIX + key) === null;
    });
    if (isGone) this.memory.delete(key);
    else this.memory.set(key, null);
  }

  keys(start) {
    const stored = this.attempt((storage) => Object.keys(storage)) ?? [];
    const ours = stored.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
    const all = new Set([...ours, ...this.memory.keys()]);
    return [...all].filter((key) => key.startsWith(start) && this.memory.get(key) !== null);
  }

  /** Calls back with (key, value or null) when another tab changes one of ours. */
  watch(changed) {
    window.addEventListener("storage", ({ key, newValue, storageArea }) => {
      if (storageArea === this.storage && key?.startsWith(PREFIX)) changed(key.slice(PREFIX.length), newValue);
    });
  }

  /** Calls `callback` once, as soon as something could not be stored; at once where that is so already. */
  onVolatile(callback) {
    this.becameVolatile = callback;
    if (this.isVolatile) callback();
  }

  becomeVolatile() {
    if (this.isVolatile) return;
    this.isVolatile = true;
    this.becameVolatile();
  }

  /** Can a row be stored and read back? */
  works() {
    this.set(PROBE, "1");
    const isStored = !this.memory.has(PROBE);
    this.remove(PROBE);
    this.memory.clear();
    return isStored;
  }

  /** A full storage can still be read. */
  hasRows() {
    return this.keys("").some((key) => key !== PROBE && this.get(key) !== null);
  }

  attempt(act) {
    try {
      return act(this.storage);
    } catch {
      return null;
    }
  }
}

function opened(kind) {
  try {
    return window[kind];
  } catch {
    return null;
  }
}
