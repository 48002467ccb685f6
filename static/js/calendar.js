// "Today" is yesterday after midnight: looked at now and then, for a machine may sleep, and whenever one comes back.

const LOOKED_AT_EVERY = 60_000; // ms

export class Calendar {
  /** clock tells the server's time; changed() hears that another day has begun. */
  constructor({ clock, changed }) {
    Object.assign(this, { clock, changed, day: this.dayOf(clock) });
    setInterval(() => this.look(), LOOKED_AT_EVERY);
    for (const type of ["visibilitychange", "pageshow", "focus"]) window.addEventListener(type, () => this.look());
    this.look();
  }

  look() {
    const now = new Date(this.clock.now());
    clearTimeout(this.midnight);
    this.midnight = setTimeout(() => this.look(), new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now);
    const day = this.dayOf(this.clock);
    if (day === this.day) return;
    this.day = day;
    this.changed();
  }

  dayOf(clock) {
    return new Date(clock.now()).toDateString();
  }
}
