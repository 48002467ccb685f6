// Which tabs may have the server hold their poll. Over HTTP/1.1 a browser opens six connections to a host, for all of its
// tabs together, and a held poll occupies one for up to a heartbeat. So the tabs of a browser tell each other which of them
// poll, each counts alike, and the first few hold; the others ask every now and then and do not wait for news.
//
// Nobody leads: each tab keeps its own session, so a tab that hangs, crashes or loses its network takes none along. A
// BroadcastChannel also exists over plain http, where there are no locks. Without one, nobody knows how many they are, and
// no poll is held. No DOM in here.

// Three more connections are left for what is said, for polls that do not wait and for a page that loads.
export const MAX_HELD = 3;
const ANNOUNCE_EVERY_MS = 20_000;
// A tab that polls tells of itself at each poll. Timers of hidden tabs may be put off for a minute.
const GONE_AFTER_MS = 150_000;

export class PollBudget {
  /**
   * channel: {postMessage, onmessage} or null; id names this tab's page; now() -> ms; unlimited: requests share one
   * connection (HTTP/2); changed() is called when another tab's news changes mayHold.
   */
  constructor({ channel, id, visible, now = Date.now, unlimited = false, changed = () => {} }) {
    Object.assign(this, { channel, id, now, unlimited, changed });
    this.others = new Map();
    this.polls = false;
    this.own = { id, visible, since: now() };
    if (channel) channel.onmessage = ({ data }) => this.hear(data);
  }

  /** May this tab's poll be held? */
  get mayHold() {
    if (this.unlimited) return true;
    return this.channel !== null && this.polls && this.countBefore() < MAX_HELD;
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

  /** It does not: it is gone, has no connection, or a WebSocket. */
  leave() {
    if (!this.polls) return;
    this.polls = false;
    this.channel?.postMessage({ id: this.id, gone: true });
  }

  /** The tab one looked at last comes first. */
  show(visible) {
    if (visible === this.own.visible) return;
    this.own = { ...this.own, visible, since: this.now() };
    if (this.polls) this.announce();
  }

  /** Called at each poll: who does not poll any more has no claim. */
  touch() {
    for (const [id, { heardAt }] of this.others) if (this.now() - heardAt > GONE_AFTER_MS) this.others.delete(id);
    if (this.polls && this.now() - this.announcedAt > ANNOUNCE_EVERY_MS) this.announce();
  }

  announce() {
    const before = this.mayHold;
    this.announcedAt = this.now();
    this.channel?.postMessage(this.own);
    if (before !== this.mayHold) this.changed();
  }

  hear(told) {
    if (typeof told?.id !== "string") return;
    const before = this.mayHold;
    const isNew = !this.others.has(told.id);
    if (told.gone) this.others.delete(told.id);
    else this.others.set(told.id, { ...told, heardAt: this.now() });
    if (isNew && !told.gone && this.polls) this.announce();
    if (before !== this.mayHold) this.changed();
  }

  countBefore() {
    return [...this.others.values()].filter((other) => isBefore(other, this.own)).length;
  }
}

/** What is seen comes before what is hidden, the newest first. Every tab counts in the same order. */
function isBefore(one, other) {
  if (one.visible !== other.visible) return one.visible;
  if (one.since !== other.since) return one.since > other.since;
  return one.id < other.id;
}

/** The channel of all this browser's tabs at this site; null where there is none. */
export function openChannel(name = "parlor:polls") {
  try {
    return new BroadcastChannel(name);
  } catch {
    return null;
  }
}
