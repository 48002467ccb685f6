// Why this person is not in a room, and what they can do about it: after a refused join, or after they were removed. Pure.
//
// Whoever was kicked or banned is not brought back by a reconnect, by the outbox, or by the end of the ban: only by themselves.

import { dayAndTime } from "./day-and-time.js";
import { dateFormat, t } from "./language.js";
import { isRemoval } from "./refusal.js";
import { countdown } from "./standing.js";

const DOORS = {
  banned: { title: t("You are banned from this room") },
  kicked: { title: t("You were removed from this room") },
  locked: { title: t("This room is locked") },
  wrong_passphrase: { title: t("This room has a passphrase"), asksPassphrase: true },
  not_allowed: { title: t("This link does not let you in") },
  waiting: { title: t("One moment, please") },
};
const CLOCKS_DIFFER_MS = 1_000; // who tries a moment too early has to try again
const WAITED_FOR = new Set(["kicked", "waiting"]);

/**
 * What the doorway shows for a refusal {error, text, reason?, until?, needed?}: {title, text, reason, wait, counts,
 * asksPassphrase, isTrouble}. wait: a countdown before which it is no use to try; a ban may be lifted any time. counts: it
 * changes with the time. now: the server's time in ms.
 */
export function doorOf(refusal, now) {
  const { title, asksPassphrase = false } = DOORS[refusal.error];
  const left = refusal.until ? Date.parse(refusal.until) - now : 0;
  return {
    title,
    asksPassphrase,
    text: isRemoval(refusal) ? lengthOf(refusal, left) : refusal.text,
    reason: refusal.reason ? t("Reason: {reason}", { reason: refusal.reason }) : "",
    wait: left > -CLOCKS_DIFFER_MS && refusal.until && WAITED_FOR.has(refusal.error) ? countdown(left) : "",
    counts: Boolean(refusal.until) && left > -CLOCKS_DIFFER_MS,
    isTrouble: refusal.error === "wrong_passphrase" && !refusal.needed,
  };
}

function lengthOf({ error, until }, left) {
  if (error === "kicked") return left > 0 ? t("A moderator has removed you. You can come back in a moment.") : t("A moderator has removed you. You can come back.");
  if (!until) return t("A moderator has banned you for good.");
  return left > 0 ? t("A moderator has banned you until {time}: {left} left.", { time: moment(until), left: countdown(left) }) : t("The ban is over.");
}

const sameDay = dateFormat({ timeStyle: "short" });

/** A time for people: without the date where it is today. */
export function moment(iso) {
  const date = new Date(iso);
  return date.toDateString() === new Date().toDateString() ? sameDay.format(date) : dayAndTime(date);
}
