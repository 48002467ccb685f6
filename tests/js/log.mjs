// The server's log in miniature, for the tests: what WIRE.md promises about join, sync and history, and nothing else.

export class Log {
  constructor({ page = 5, behind = 1_000, epoch = "one" } = {}) {
    Object.assign(this, { page, behind, epoch, rev: 0, messages: [], reactions: {} });
  }

  say(text, { author = "ann", id = `id-${this.messages.length}` } = {}) {
    const known = this.messages.find((message) => message.author === author && message.id === id);
    if (known) return { ...known };
    this.rev += 1;
    const message = { seq: this.messages.length + 1, rev: this.rev, id, author, nickname: author, text, kind: "said" };
    this.messages.push(message);
    return { ...message };
  }

  edit(seq, text) {
    return this.change(seq, { text, edited: "now" });
  }

  delete(seq) {
    delete this.reactions[seq];
    delete this.messages[seq - 1].reactions;
    delete this.messages[seq - 1].reaction_counts;
    return this.change(seq, { text: "", deleted: true });
  }

  change(seq, look) {
    this.rev += 1;
    const message = this.messages[seq - 1];
    Object.assign(message, look, { rev: this.rev });
    return { ...message };
  }

  /** Somebody's reaction, as the event that tells it; null where it changes nothing. `shown` names are kept of each. */
  react(seq, person, emoji, on, shown = 2) {
    const message = this.messages[seq - 1];
    const all = (this.reactions[seq] ??= {})[emoji] ?? [];
    if (message.deleted || all.includes(person) === on) return null;
    const now = on ? [...all, person] : all.filter((one) => one !== person);
    this.reactions[seq][emoji] = now;
    if (now.length === 0) delete this.reactions[seq][emoji];
    const [before, names] = [all.slice(0, shown), now.slice(0, shown)];
    delete message.reactions;
    delete message.reaction_counts;
    const entries = Object.entries(this.reactions[seq]);
    const look = entries.length > 0 && {
      reactions: Object.fromEntries(entries.map(([one, people]) => [one, people.slice(0, shown)])),
      reaction_counts: Object.fromEntries(entries.map(([one, people]) => [one, people.length])),
    };
    this.change(seq, look || {});
    const isOther = before.join() !== names.join();
    return { seq, rev: this.rev, emoji, on, person, nickname: person, count: now.length, ...(isOther && { names }) };
  }

  /** Of Ann, who holds the room. */
  reacted({ seqs }) {
    return { mine: Object.fromEntries(seqs.map((seq) => [seq, this.reactionsOf(seq, "ann")])), rev: this.rev };
  }

  reactionsOf(seq, person) {
    const all = Object.entries(this.reactions[seq] ?? {});
    return all.filter(([, people]) => people.includes(person)).map(([emoji]) => emoji);
  }

  answer(verb, payload) {
    return structuredClone({ ok: true, ...this[verb](payload) });
  }

  join({ after, epoch }) {
    const room = { name: "den", topic: "", rev: this.rev, epoch: this.epoch };
    return { room, people: [], count: 0, ...(after === undefined ? this.lastPage() : this.since(after, epoch)) };
  }

  sync({ after, epoch }) {
    return { rev: this.rev, ...this.since(after, epoch) };
  }

  history({ before = Infinity, after }) {
    if (after !== undefined) {
      const newer = this.messages.filter(({ seq }) => seq > after);
      return { messages: newer.slice(0, this.page), more: newer.length > this.page };
    }
    const older = this.messages.filter(({ seq }) => seq < before);
    return { messages: older.slice(-this.page), more: older.length > this.page };
  }

  since(after, epoch = this.epoch) {
    if (epoch !== this.epoch || this.rev - after > this.behind || after > this.rev) return { reset: true, ...this.lastPage() };
    const changed = this.messages.filter(({ rev }) => rev > after).sort((one, other) => one.rev - other.rev);
    return { messages: changed.slice(0, this.page), more: changed.length > this.page };
  }

  lastPage() {
    return { messages: this.messages.slice(-this.page), more: this.messages.length > this.page };
  }
}

/** Lets everything that is ready run. */
export const settled = () => new Promise((done) => setImmediate(done));

/** A clock that stands still until it is moved. */
export class Clock {
  constructor() {
    this.time = 0;
    this.alarms = [];
  }

  now = () => this.time;

  wait = (ms) => new Promise((ring) => this.alarms.push({ at: this.time + ms, ring }));

  async pass(ms) {
    this.time += ms;
    const due = this.alarms.filter(({ at }) => at <= this.time);
    this.alarms = this.alarms.filter(({ at }) => at > this.time);
    for (const { ring } of due) ring();
    await settled();
  }
}

/** The same numbers for the same seed (mulberry32), so that a red history can be told again. */
export function dice(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { below: (limit) => Math.floor(next() * limit), chance: (share) => next() < share };
}
