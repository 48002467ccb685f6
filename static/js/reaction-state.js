// Reactions as state: what a message shows of them, and which are one's own. Pure.

import { number, sequence, tn } from "./language.js";

/** The message after a `react` event. The server's summary is changed in the same way. */
export function withReaction(message, { rev, emoji, count, names }) {
  const { reactions = {}, reaction_counts = {}, ...rest } = message;
  const shown = { ...reactions, [emoji]: names ?? reactions[emoji] ?? [] };
  const counts = { ...reaction_counts, [emoji]: count };
  if (count === 0) {
    delete shown[emoji];
    delete counts[emoji];
  }
  const isEmpty = Object.keys(counts).length === 0;
  return { ...rest, rev, ...(!isEmpty && { reactions: shown, reaction_counts: counts }) };
}

/** "Ann, Bob and 3 more" of one emoji. */
export function reactedBy({ reactions = {}, reaction_counts = {} }, emoji) {
  const names = reactions[emoji] ?? [];
  const more = (reaction_counts[emoji] ?? names.length) - names.length;
  if (more <= 0) return sequence(names);
  return names.length > 0 ? tn("{names} and {n} more", "{names} and {n} more", more, { names: sequence(names) }) : number(more);
}

/**
 * One's own reactions in one room. A message holds only the first names, so they are asked for (the verb `reacted`) and then
 * follow the events of one's own tabs. Each is known as of a rev: an older state does not undo a newer one.
 */
export class OwnReactions {
  constructor() {
    this.bySeq = new Map();
    this.asked = new Set();
  }

  /** The emojis of a message, as far as is known: a Set. */
  of(seq) {
    const known = this.bySeq.get(seq) ?? new Map();
    return new Set([...known].filter(([, { on }]) => on).map(([emoji]) => emoji));
  }

  /** One of one's own went on or off at this rev. */
  note(seq, emoji, on, rev) {
    const known = this.bySeq.get(seq) ?? new Map();
    if (known.get(emoji)?.rev > rev) return;
    this.bySeq.set(seq, known.set(emoji, { on, rev }));
  }

  /** An emoji without any reaction is not one's own: the message was deleted, or it was taken back elsewhere. */
  see({ seq, rev, reaction_counts = {}, deleted }) {
    if (deleted) this.asked.delete(seq); // it may be put back, with one's own
    const known = this.bySeq.get(seq);
    if (!known) return;
    for (const [emoji, one] of known) if (one.rev <= rev && !reaction_counts[emoji]) known.delete(emoji);
  }

  /** The server's answer about these messages: {seq: [emoji]} as of this rev. */
  learn(seqs, mine, rev) {
    for (const seq of seqs) {
      const kept = [...(this.bySeq.get(seq) ?? [])].filter(([, one]) => one.rev > rev);
      const learned = (mine[seq] ?? []).map((emoji) => [emoji, { on: true, rev }]);
      this.bySeq.set(seq, new Map([...learned, ...kept]));
      this.asked.add(seq);
    }
  }

  /** The seqs of those messages that have reactions and were not asked about. */
  unknown(messages) {
    return messages.filter(({ seq, reaction_counts }) => reaction_counts && !this.asked.has(seq)).map(({ seq }) => seq);
  }

  /** This message changed while there was no connection: this person may have reacted elsewhere. */
  doubt(seq) {
    this.asked.delete(seq);
  }
}
