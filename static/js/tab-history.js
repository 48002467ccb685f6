// Rows of a tab where the browser lets a page store nothing (cookies blocked altogether): they go into the state of the
// tab's place in its history. Like sessionStorage that is this site's alone, outlives a reload, and ends with the tab.

const STATE = "parlor";
const WRITE_AFTER = 300; // ms; Safari allows 100 changes of the history in 30 s

export class TabHistory {
  constructor() {
    Object.defineProperty(this, "timer", { writable: true, enumerable: false });
    Object.assign(this, rowsOf(history.state?.[STATE]));
    for (const moment of ["pagehide", "popstate"]) window.addEventListener(moment, () => this.write());
  }

  getItem(key) {
    return Object.prototype.hasOwnProperty.call(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = value;
    this.writeSoon();
  }

  removeItem(key) {
    delete this[key];
    this.writeSoon();
  }

  writeSoon() {
    this.timer ??= setTimeout(() => this.write(), WRITE_AFTER);
  }

  write() {
    clearTimeout(this.timer);
    this.timer = undefined;
    try {
      history.replaceState({ ...history.state, [STATE]: { ...this } }, "");
    } catch {
      // Too often, or too much: memory has it.
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
