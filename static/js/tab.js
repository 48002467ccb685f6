// This tab among the others of the browser: its name, the same through all its reloads, and which others are still there.

import { isId, readText } from "./stored.js";

const LOCK = "parlor:tab:";

/** Held as long as the page lives: the browser lets go of the lock with the page, even where that crashes. */
export function tabName(session, newId, locks = browserLocks()) {
  const name = readText(session, "tab", isId) ?? newId();
  session.set("tab", name);
  attempt(() => locks.request(LOCK + name, { mode: "shared" }, () => new Promise(() => {})));
  return name;
}

/** The names of all tabs that live; null where the browser cannot tell (over plain http it has no locks). */
export async function tabsAlive(locks = browserLocks()) {
  const { held } = (await attempt(() => locks.query())) ?? {};
  return Array.isArray(held) ? new Set(held.map(({ name }) => name.slice(LOCK.length))) : null;
}

/** Where there are no locks, or none for this page, some browsers throw at once and some reject. */
async function attempt(act) {
  try {
    return await act();
  } catch {
    return null;
  }
}

function browserLocks() {
  try {
    return navigator.locks;
  } catch {
    return null;
  }
}
