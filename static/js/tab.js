// This tab among the others of the browser: its name, the same through all its reloads, and which others are still there.

const LOCK = "parlor:tab:";

/** Held as long as the page lives: the browser lets go of the lock with the page, even where that crashes. */
export function tabName(session, newId, locks = navigator.locks) {
  const name = session.get("tab") ?? newId();
  session.set("tab", name);
  locks?.request(LOCK + name, { mode: "shared" }, () => new Promise(() => {})).catch(() => null);
  return name;
}

/** The names of all tabs that live; null where the browser cannot tell (over plain http it has no locks). */
export async function tabsAlive(locks = navigator.locks) {
  const { held } = (await locks?.query().catch(() => null)) ?? {};
  return held ? new Set(held.map(({ name }) => name.slice(LOCK.length))) : null;
}
