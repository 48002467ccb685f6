// The browser's storage under our own prefix. It may be blocked, full, or there and throw from any of its functions (a damaged
// profile of Firefox): then memory takes its place. The chat goes on, only a reload forgets, and the person is told so.

import { TabHistory } from "./tab-history.js";

const PREFIX = "parlor:";
const PROBE = "probe";

export class Shelf {
  /** kind: "localStorage" or "sessionStorage". The second has one more place that outlives a reload of the tab. */
  constructor(kind) {
    this.memory = new Map(); // what could not be stored, and as null what could not be removed
    this.storage = opened(kind);
    this.forgets = false;
    this.forgetting = () => null;
    if (!this.works() && kind === "sessionStorage" && !this.holdsRows()) this.storage = new TabHistory();
  }

  get(key) {
    if (this.memory.has(key)) return this.memory.get(key);
    const stored = this.attempt((storage) => storage.getItem(PREFIX + key));
    return typeof stored === "string" ? stored : null;
  }

  /** What cannot be read back was not stored. */
  set(key, value) {
    const isStored = this.attempt((storage) => {
      storage.setItem(PREFIX + key, value);
      return storage.getItem(PREFIX + key) === value;
    });
    if (isStored) this.memory.delete(key);
    else this.memory.set(key, value);
    if (!isStored) this.forget();
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

  /** Calls `tell` once, as soon as something could not be stored; at once where that is so already. */
  onForgetting(tell) {
    this.forgetting = tell;
    if (this.forgets) tell();
  }

  forget() {
    if (this.forgets) return;
    this.forgets = true;
    this.forgetting();
  }

  /** Does a row go there and come back? */
  works() {
    this.set(PROBE, "1");
    const isWell = !this.memory.has(PROBE);
    this.remove(PROBE);
    this.memory.clear();
    return isWell;
  }

  /** One that is full can still be read. */
  holdsRows() {
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

/** What is being written: each tab keeps its own, and the last one's is there for a tab to come. */
export class Drafts {
  constructor({ local, session }) {
    Object.assign(this, { local, session });
  }

  get(key) {
    const own = this.session.get(key);
    return own === null ? this.local.get(key) : own || null;
  }

  set(key, text) {
    this.session.set(key, text);
    this.local.set(key, text);
  }

  /** An empty row stays in this tab: another tab's draft is not ours. */
  remove(key) {
    const own = this.session.get(key);
    if (own !== null && this.local.get(key) === own) this.local.remove(key);
    this.session.set(key, "");
  }
}

function opened(kind) {
  try {
    return window[kind];
  } catch {
    return null;
  }
}
