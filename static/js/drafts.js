// The drafts of messages: each tab has its own, and a new tab begins with the last one of any tab. No DOM in here.

export class Drafts {
  constructor({ local, session }) {
    Object.assign(this, { local, session });
  }

  get(key) {
    const own = this.session.get(key);
    return own === null ? this.local.get(key) : own || null;
  }

  set(key, text) {
    this.session.set(key, text);
    this.local.set(key, text);
  }

  /** An empty row stays in this tab: another tab's draft is not ours. */
  remove(key) {
    const own = this.session.get(key);
    if (own !== null && this.local.get(key) === own) this.local.remove(key);
    this.session.set(key, "");
  }
}
