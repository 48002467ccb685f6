// What the room's rules mean for this person: whether they may speak now, and for how long not. Pure.

import { t, tn } from "./language.js";

export const RANKS = { owner: 2, moderator: 1 };

const ROLE_NAMES = { owner: t("owner"), moderator: t("moderator"), bot: t("bot") };

export function rankOf(role) {
  return RANKS[role] ?? 0;
}

/** "owner", as it stands beside a name; empty for none. */
export function roleName(role) {
  return ROLE_NAMES[role] ?? role ?? "";
}

/**
 * Why this person cannot send a message to the room now: {say(time), until?} (until: ms), or null where they can. lastOwn: when
 * their last message was stored, in ms; now: the server's time.
 */
export function silencedBy({ role, muted, slow = 0 }, lastOwn, now) {
  if (muted && (!muted.until || Date.parse(muted.until) > now)) return mutedBy(muted);
  const until = rankOf(role) > 0 || !slow || !lastOwn ? 0 : lastOwn + slow * 1000;
  if (until > now) return { until, say: (time) => t("Slow mode: one message every {span}. The next one in {time}.", { span: span(slow * 1000), time }) };
  return null;
}

/** The sentence with its countdown. */
export function silenceSentence({ say, until }, now) {
  return say(until && countdown(until - now));
}

function mutedBy({ until, reason }) {
  if (!until) return { say: () => (reason ? t("A moderator has muted you in this room. Reason: “{reason}”.", { reason }) : t("A moderator has muted you in this room.")) };
  const say = (time) =>
    reason
      ? t("A moderator has muted you in this room. Reason: “{reason}”. You can speak again in {time}.", { reason, time })
      : t("A moderator has muted you in this room. You can speak again in {time}.", { time });
  return { say, until: Date.parse(until) };
}

/** A time that is left, as it counts down: "0:07", "4:32", "3 h 5 min", "2 days". */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const minutes = Math.ceil(seconds / 60);
  if (minutes < 24 * 60) return t("{hours} h {minutes} min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
  return daysOf(Math.ceil(minutes / 60 / 24));
}

/** A length of time as people say it: "30 s", "10 min", "1 hour", "7 days". */
export function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60 || seconds % 60) return t("{n} s", { n: seconds });
  if (seconds % 3600) return t("{n} min", { n: seconds / 60 });
  if (seconds % 86_400) return tn("{n} hour", "{n} hours", seconds / 3600);
  return daysOf(seconds / 86_400);
}

function daysOf(count) {
  return tn("{n} day", "{n} days", count);
}
