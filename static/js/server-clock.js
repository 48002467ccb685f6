// The server's time, from one `echo` and corrected by half its round trip. Messages carry the server's time, so "Today" is
// the server's day, however wrong this machine's clock is.

export class ServerClock {
  constructor(local = Date.now) {
    Object.assign(this, { local, ahead: 0, isKnown: false });
  }

  /** ms since 1970 */
  now() {
    return this.of(this.local());
  }

  /** The server's time at a moment of the local clock. */
  of(moment) {
    return moment + this.ahead;
  }

  /** ask(verb, payload) -> Promise of the ack. Answers whether this made the time known. */
  async measure(ask) {
    if (this.isKnown) return false;
    const asked = this.local();
    const ack = await ask("echo", {}).catch(() => null);
    const at = Date.parse(ack?.at);
    if (this.isKnown || Number.isNaN(at)) return false;
    this.ahead = Math.round(at - (asked + this.local()) / 2);
    this.isKnown = true;
    return true;
  }
}
