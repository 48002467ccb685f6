// Has anybody touched this page lately? After some minutes without input the server is told so, and at once when somebody is
// back. No DOM in here but the events that it listens to.

export const AWAY_MS = 10 * 60_000;
const LOOK_MS = 30_000;
const INPUT = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];

export class Away {
  /** tell(isAway): asks the server; target: whose events count; every(ms, act): an interval. */
  constructor({ tell, now = Date.now, target = globalThis.window, every = (ms, act) => setInterval(act, ms) }) {
    Object.assign(this, { tell, now, isAway: false, touchedAt: now() });
    for (const name of INPUT) target.addEventListener(name, () => this.touched(), { passive: true, capture: true });
    every(LOOK_MS, () => this.look());
  }

  touched() {
    this.touchedAt = this.now();
    if (this.isAway) this.set(false);
  }

  /** A machine that was asleep finds here that much time has passed. */
  look() {
    if (!this.isAway && this.now() - this.touchedAt >= AWAY_MS) this.set(true);
  }

  /** A new connection counts as not away. */
  welcome() {
    if (this.isAway) this.tell(true);
  }

  set(isAway) {
    this.isAway = isAway;
    this.tell(isAway);
  }
}
