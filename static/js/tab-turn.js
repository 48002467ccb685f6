// One tab at a time. Web Locks know all tabs of a browser; where they are missing (plain http, older browsers), each tab waits a
// moment of its own before it looks, so that two seldom look at once.

import { browserLocks } from "./tab.js";

const MAX_WAIT_MS = 300;

export class TabTurn {
  constructor({ locks = browserLocks(), wait, random = Math.random }) {
    Object.assign(this, { locks, wait, random });
  }

  /** Runs act() while no other tab is in `name`; answers what it answers. */
  async run(name, act) {
    if (this.locks) return this.locks.request(`parlor:${name}`, () => act());
    await this.wait(this.random() * MAX_WAIT_MS);
    return act();
  }
}
