// The rules of a room as the server tells them (`room` in the answer to a join, the events `room` and `standing`), and this
// person's own standing in it. Pure.

const DEFAULTS = { topic: "", keep: {}, welcome: "", welcome_words: null, listed: true, locked: false, passphrase: false, slow: 0, topic_by: "member", keep_days: null };

export class RoomRules {
  constructor() {
    Object.assign(this, DEFAULTS, { role: null, muted: null });
  }

  /** From `room`. The event to everybody has no standing; the answer to one person has (`role`, `muted`). */
  set(told) {
    for (const [name, value] of Object.entries(DEFAULTS)) this[name] = told[name] ?? value;
    if ("role" in told) this.setStanding(told);
  }

  setStanding({ role = null, muted = null }) {
    Object.assign(this, { role, muted });
  }

  /** May this person set the topic? */
  get maySetTopic() {
    return this.topic_by !== "owner" || this.role === "owner";
  }

  /** May this person invite others? Into a room that lets everybody in, the address is enough. */
  get mayInvite() {
    if (this.locked) return this.role === "owner";
    return this.passphrase || !this.listed || this.role === "owner";
  }
}

/** The changed settings, as the verb `settings` takes them. passphrase: "" leaves it, null takes it away. */
export function changedSettings(before, wanted) {
  const changed = {};
  for (const name of ["topic", "topic_by", "welcome", "listed", "locked", "slow", "keep_days"]) {
    if (wanted[name] !== before[name]) changed[name] = wanted[name];
  }
  if (wanted.passphrase) changed.passphrase = wanted.passphrase;
  else if (wanted.passphrase === null && before.passphrase) changed.passphrase = null;
  return changed;
}
