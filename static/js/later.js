// Parts of the page that are loaded after its first words, or when they are first wanted, so that a first visit need not wait
// for them. No DOM in here.

import { t } from "./language.js";
import { once } from "./once.js";

export const NOT_LOADED = t("That could not be loaded. Are you online? If it goes on, reload the page.");

/**
 * A function that loads what a person waits for: wanted(load) -> Promise of it, null where it could not be had, for there is no
 * connection, or only newer ones. tell(sentence): that is said; passed(sentence): something could be had again.
 */
export function loader({ tell, passed }) {
  return async (load) => {
    try {
      const found = await load();
      passed(NOT_LOADED);
      return found;
    } catch {
      tell(NOT_LOADED);
      return null;
    }
  };
}

export class Later {
  /** load() -> Promise of the parts; wanted: see loader(). */
  constructor({ load, wanted }) {
    Object.assign(this, { loadWanted: wanted, parts: null, waiting: [] });
    /** Promise of the parts. */
    this.load = once(() => load().then((parts) => this.arrived(parts)));
  }

  arrived(parts) {
    this.parts = parts;
    for (const tell of this.waiting.splice(0)) tell();
    return parts;
  }

  /** The same for a person who waits: null where the parts could not be had, which they are told. */
  wanted() {
    return this.loadWanted(this.load);
  }

  /** {open(...), refresh()}: of what make(parts) makes, once. There is nothing to refresh before. */
  part(make) {
    let made = null;
    return {
      open: async (...what) => {
        const parts = await this.wanted();
        if (!parts) return;
        made ??= make(parts);
        made.open(...what);
      },
      refresh: () => made?.refresh(),
    };
  }

  /** These functions of what find(parts) finds. What is told before it is there, it hears then, in the same order. */
  told(find, names) {
    const tell = (name, what) => find(this.parts)[name](...what);
    return Object.fromEntries(names.map((name) => [name, (...what) => (this.parts ? tell(name, what) : this.waiting.push(() => tell(name, what)))]));
  }
}
