// Parts of the page that are loaded when they are first wanted, so that a first visit need not wait for them. No DOM in here.

import { t } from "./language.js";

export const NOT_LOADED = t("That could not be loaded. Are you online? If it goes on, reload the page.");

export class Later {
  /** load() -> Promise of the module; failed(sentence): it could not be had, for there is no connection, or only a newer one. */
  constructor({ load, failed }) {
    Object.assign(this, { load, failed });
  }

  /** {open(...)}: of what make(module) makes, once. */
  part(make) {
    let made = null;
    return {
      open: async (...what) => {
        const module = await this.load().catch(() => null);
        if (!module) {
          this.failed(NOT_LOADED);
          return;
        }
        made ??= make(module);
        made.open(...what);
      },
    };
  }
}
