// The browser's storage under our own prefix. Where it is blocked or full, memory takes its place: the chat goes on, only a
// reload forgets.

const PREFIX = "parlor:";

export class Shelf {
  constructor(kind) {
    this.memory = new Map();
    this.storage = opened(kind);
  }

  get(key) {
    return this.memory.get(key) ?? this.storage?.getItem(PREFIX + key) ?? null;
  }

  set(key, value) {
    try {
      this.storage.setItem(PREFIX + key, value);
      this.memory.delete(key);
    } catch {
      this.memory.set(key, value);
    }
  }

  remove(key) {
    this.memory.delete(key);
    this.storage?.removeItem(PREFIX + key);
  }

  keys(start) {
    const stored = this.storage ? Object.keys(this.storage) : [];
    const ours = stored.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
    return [...new Set([...ours, ...this.memory.keys()])].filter((key) => key.startsWith(start));
  }

  getList(key) {
    try {
      const list = JSON.parse(this.get(key));
      return Array.isArray(list) ? list.filter((entry) => typeof entry === "string") : [];
    } catch {
      return [];
    }
  }

  /** Calls back with (key, value or null) when another tab changes one of ours. */
  watch(changed) {
    window.addEventListener("storage", ({ key, newValue, storageArea }) => {
      if (storageArea === this.storage && key?.startsWith(PREFIX)) changed(key.slice(PREFIX.length), newValue);
    });
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
