// Which tabs may have the server hold their poll. Over HTTP/1.1 a browser opens six connections to a host, for all of its
// tabs together, and a held poll occupies one for up to a heartbeat. So the tabs of a browser tell each other which of them
// poll; all sort them in the same order, and the first few hold their polls. The others send polls that do not wait.
//
// There is no leader: each tab keeps its own session, so a tab that hangs, crashes or loses its network affects no other. A
// BroadcastChannel also exists over plain http, where there are no locks. Without one the number of tabs is not known, and
// no poll is held. No DOM in here.

// Three more connections are left: for sending, for polls that do not wait and for a page that loads.
export const MAX_HELD = 3;
// Tabs with a stream of server-sent events, each of which occupies one: what is said needs others.
const MAX_STREAMS = 4;
export const TOUCH_EVERY_MS = 20_000;
// Timers of hidden tabs may be put off for a minute.
const SLEPT_AFTER_MS = 75_000;
const GONE_AFTER_MS = 150_000;

export class PollBudget {
  /**
   * channel: {postMessage, onmessage} or null; id names this tab's page; now() -> ms; unlimited: requests share one
   * connection (HTTP/2); changed() is called when mayHold is another than before.
   */
  constructor({ channel, id, visible, now = Date.now, unlimited = false, changed = () => {} }) {
    Object.assign(this, { channel, id, now, unlimited, changed });
    this.others = new Map();
    this.polls = false;
    this.own = { id, visible, since: now() };
    this.touchedAt = now();
    if (channel) channel.onmessage = ({ data }) => this.receive(data);
  }

  /** May this tab's poll be held? */
  get mayHold() {
    if (this.unlimited) return true;
    return this.channel !== null && this.polls && this.countBefore() < MAX_HELD;
  }

  /** May this tab open a stream that stays? */
  get mayStream() {
    return this.unlimited || this.others.size < MAX_STREAMS;
  }

  get isVisible() {
    return this.own.visible;
  }

  /** This tab polls from now on. */
  join() {
    if (this.polls) return;
    this.polls = true;
    this.announce();
  }

  /** It no longer polls: it is closed, has no connection, or a WebSocket. */
  leave() {
    if (!this.polls) return;
    this.polls = false;
    this.channel?.postMessage({ id: this.id, gone: true });
  }

  /** Visible tabs come first, the one shown last before the others. */
  show(visible) {
    if (visible === this.own.visible) return;
    const before = this.mayHold;
    this.own = { ...this.own, visible, since: this.now() };
    if (this.polls) this.announce();
    if (before !== this.mayHold) this.changed();
  }

  /** Called every TOUCH_EVERY_MS: announces this tab. Tabs that announced nothing for long no longer count. */
  touch() {
    const before = this.mayHold;
    const now = this.now();
    const hasSlept = now - this.touchedAt > SLEPT_AFTER_MS;
    this.touchedAt = now;
    for (const [id, other] of this.others) {
      if (hasSlept) other.seenAt = now; // the machine slept, so the others slept too and still count
      else if (now - other.seenAt > GONE_AFTER_MS) this.others.delete(id);
    }
    if (this.polls) this.announce();
    if (before !== this.mayHold) this.changed();
  }

  announce() {
    this.channel?.postMessage(this.own);
  }

  receive(report) {
    if (typeof report?.id !== "string") return;
    const before = this.mayHold;
    const isNew = !this.others.has(report.id);
    if (report.gone) this.others.delete(report.id);
    else this.others.set(report.id, { ...report, seenAt: this.now() });
    if (isNew && !report.gone && this.polls) this.announce();
    if (before !== this.mayHold) this.changed();
  }

  countBefore() {
    return [...this.others.values()].filter((other) => isBefore(other, this.own)).length;
  }
}

/** Visible tabs before hidden ones, then the latest change first. Every tab sorts in the same order. */
function isBefore(one, other) {
  if (one.visible !== other.visible) return one.visible;
  if (one.since !== other.since) return one.since > other.since;
  return one.id < other.id;
}

/** The channel between this browser's tabs at this site; null where there is none. */
export function openChannel(name = "parlor:polls") {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
