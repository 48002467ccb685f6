// Rows of a tab where the browser lets a page store nothing (cookies blocked altogether): they go into the state of the
// tab's place in its history. Like sessionStorage that is this site's alone, outlives a reload, and ends with the tab.

const STATE = "parlor";
const AGAIN_AFTER = 5_000; // ms; Safari allows 100 changes of the history in 30 s, Firefox 200 in 10 s

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

  /** At once: what is written while the page goes is not kept. */
  write() {
    clearTimeout(this.timer);
    try {
      history.replaceState({ ...history.state, [STATE]: { ...this } }, "");
    } catch {
      this.timer = setTimeout(() => this.write(), AGAIN_AFTER); // too often
    }
  }
}

/** The state of a new entry of the history, with the rows that the present one holds. */
export function carryingRows(present, own) {
  return present?.[STATE] ? { ...own, [STATE]: present[STATE] } : own;
}

/** As everywhere, what was stored may be anything. */
function rowsOf(state) {
  const rows = Object.entries(state ?? {});
  return Object.fromEntries(rows.filter(([key, value]) => key !== "timer" && typeof value === "string"));
}
