// Notices midnight, when "Today" becomes "Yesterday". By a timer, and by checks now and then, since a machine may sleep.

const CHECK_EVERY_MS = 60_000;

export class DayChange {
  /** clock: the server's time; changed(): another day has begun. */
  constructor({ clock, changed }) {
    Object.assign(this, { clock, changed, day: this.dayOf(clock) });
    setInterval(() => this.check(), CHECK_EVERY_MS);
    for (const type of ["visibilitychange", "pageshow", "focus"]) window.addEventListener(type, () => this.check());
    this.check();
  }

  check() {
    const now = new Date(this.clock.now());
    clearTimeout(this.midnight);
    this.midnight = setTimeout(() => this.check(), new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now);
    const day = this.dayOf(this.clock);
    if (day === this.day) return;
    this.day = day;
    this.changed();
  }

  dayOf(clock) {
    return new Date(clock.now()).toDateString();
  }
}
