// Rows of a tab where the browser lets a page store nothing (all cookies blocked): they are kept in the state of the tab's
// history entry. Like sessionStorage, that belongs to this site, outlives a reload, and ends with the tab.

const STATE = "parlor";
const RETRY_AFTER_MS = 5_000; // Safari allows 100 changes of the history in 30 s, Firefox 200 in 10 s

export class TabHistory {
  constructor() {
    Object.defineProperty(this, "timer", { writable: true, enumerable: false });
    Object.assign(this, rowsOf(history.state?.[STATE]));
    window.addEventListener("popstate", () => this.write());
  }

  getItem(key) {
    return Object.prototype.hasOwnProperty.call(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = value;
    this.write();
  }

  removeItem(key) {
    delete this[key];
    this.write();
  }

  /** At once: a write during pagehide is not kept. */
  write() {
    clearTimeout(this.timer);
    try {
      history.replaceState({ ...history.state, [STATE]: { ...this } }, "");
    } catch {
      this.timer = setTimeout(() => this.write(), RETRY_AFTER_MS); // too often
    }
  }
}

/** The state of a new history entry, with the rows that the present one holds. */
export function carryingRows(present, own) {
  return present?.[STATE] ? { ...own, [STATE]: present[STATE] } : own;
}

/** The stored state is untrusted, as every row is. */
function rowsOf(state) {
  const rows = Object.entries(state ?? {});
  return Object.fromEntries(rows.filter(([key, value]) => key !== "timer" && typeof value === "string"));
}
