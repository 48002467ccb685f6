// The server's time as this page knows it: messages carry it, so days are counted by it, however wrong this machine's own
// clock is. Asked for once, with the way there and back taken off.

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

  /** ask(verb, payload) -> Promise of the ack. Answers whether the time is known only now. */
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
