// What the room's rules mean for this person: whether they may speak now, and for how long not. Pure.

export const RANKS = { owner: 2, moderator: 1 };

export function rankOf(role) {
  return RANKS[role] ?? 0;
}

/**
 * Why this person cannot send a message to the room now: {text, until?} (until: ms), or null where they can. lastOwn: when
 * their last message was stored, in ms; now: the server's time.
 */
export function silencedBy({ role, muted, slow = 0 }, lastOwn, now) {
  if (muted && (!muted.until || Date.parse(muted.until) > now)) return mutedBy(muted);
  const until = rankOf(role) > 0 || !slow || !lastOwn ? 0 : lastOwn + slow * 1000;
  if (until > now) return { until, text: `Slow mode: one message every ${span(slow * 1000)}. The next one` };
  return null;
}

/** The sentence with its countdown. */
export function silenceSentence({ text, until }, now) {
  return until ? `${text} in ${countdown(until - now)}.` : text;
}

function mutedBy({ until, reason }) {
  const why = reason ? ` Reason: “${reason}”.` : "";
  if (!until) return { text: `A moderator has muted you in this room.${why}` };
  return { text: `A moderator has muted you in this room.${why} You can speak again`, until: Date.parse(until) };
}

/** A time that is left, as it counts down: "0:07", "4:32", "3 h 5 min", "2 days". */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return plural(Math.ceil(minutes / 60 / 24), "day");
}

/** A length of time as people say it: "30 s", "10 min", "1 hour", "7 days". */
export function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60 || seconds % 60) return `${seconds} s`;
  if (seconds % 3600) return `${seconds / 60} min`;
  if (seconds % 86_400) return plural(seconds / 3600, "hour");
  return plural(seconds / 86_400, "day");
}

function plural(count, unit) {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}
