// This tab's name, the same through its reloads, and the names of the tabs that are open.

import { isId, readText } from "./storage-readers.js";

const LOCK = "parlor:tab:";

/** Holds a lock of that name: the browser releases it with the page, even after a crash. */
export function tabName(session, newId, locks = browserLocks()) {
  const name = readText(session, "tab", isId) ?? newId();
  session.set("tab", name);
  attempt(() => locks.request(LOCK + name, { mode: "shared" }, () => new Promise(() => {})));
  return name;
}

/** The names of all open tabs; null where they cannot be known (over plain http there are no locks). */
export async function tabsAlive(locks = browserLocks()) {
  const { held } = (await attempt(() => locks.query())) ?? {};
  return Array.isArray(held) ? new Set(held.map(({ name }) => name.slice(LOCK.length))) : null;
}

/** Without locks, or without the right to them, some browsers throw and some reject. */
async function attempt(act) {
  try {
    return await act();
  } catch {
    return null;
  }
}

export function browserLocks() {
  try {
    return navigator.locks;
  } catch {
    return null;
  }
}
