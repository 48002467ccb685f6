// Whom this browser's person ignores, as the server tells. Their messages are no news, and fold to a line that can be opened:
// one line for each run of them. Pure.

export class Ignored {
  constructor() {
    this.ids = new Set();
  }

  /** Answers whose standing this changes: the ids of those who are ignored since now, or no longer. */
  set(ids) {
    const before = this.ids;
    this.ids = new Set(ids);
    return [...ids.filter((id) => !before.has(id)), ...[...before].filter((id) => !this.ids.has(id))];
  }

  has(id) {
    return this.ids.has(id);
  }
}

/** Is this message news for the person: said by somebody else, whom they do not ignore, and not deleted? */
export function isNews({ author, deleted, kind }, me) {
  return !me.is(author) && !me.ignores(author) && !deleted && kind !== "notice";
}

/**
 * The runs of messages of one ignored author within a day, by the seq of each of their messages: {seqs, nickname}. `ignores(id)`.
 */
export function ignoredRuns(messages, ignores) {
  const runs = new Map();
  let run = null;
  for (const message of messages) {
    if (!ignores(message.author)) {
      run = null;
      continue;
    }
    if (!run || run.author !== message.author || run.day !== dayOf(message)) {
      run = { author: message.author, nickname: message.nickname, day: dayOf(message), seqs: [] };
    }
    run.seqs.push(message.seq);
    runs.set(message.seq, run);
  }
  return runs;
}

function dayOf({ at }) {
  return new Date(at).toDateString();
}
