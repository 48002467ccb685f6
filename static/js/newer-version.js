// A page that is older than its server says so, quietly, and loads itself anew when nobody is at it: hidden or left alone,
// with nothing typed, nothing unsent and nothing open. Once for each version: two servers that take turns make no loop.

const LEFT_ALONE_MS = 60_000;
const LOOK_EVERY_MS = 15_000;
const ROW = "reloaded-for";

export class NewerVersion {
  /**
   * own: the checksum of the files of this page; isBusy(): somebody would lose sight of something; tell(reload): shows that
   * there is a newer one, null: no longer; reload() loads the page anew.
   */
  constructor({ own, session, isBusy, tell, reload = () => location.reload(), now = Date.now, document = globalThis.document }) {
    Object.assign(this, { own, session, isBusy, tell, reload, now, document, newest: own, usedAt: now() });
    const used = () => (this.usedAt = now());
    for (const event of ["keydown", "pointerdown", "input"]) document.addEventListener(event, used, { passive: true, capture: true });
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** The server of the present connection has pages with these files. */
  met(newest) {
    if (!newest || newest === this.newest) return;
    this.newest = newest;
    clearInterval(this.timer);
    this.tell(newest === this.own ? null : () => this.load());
    if (newest === this.own) return;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
    this.look();
  }

  get isLeftAlone() {
    return this.document.hidden || this.now() - this.usedAt >= LEFT_ALONE_MS;
  }

  look() {
    if (this.newest === this.own || this.session.get(ROW) === this.newest) return;
    if (this.isLeftAlone && !this.isBusy()) this.load();
  }

  load() {
    this.session.set(ROW, this.newest);
    clearInterval(this.timer);
    this.reload();
  }
}
