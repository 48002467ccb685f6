// Why this person is not in a room, and what they can do about it: after a refused join, or after they were removed. Pure.
//
// Whoever was kicked or banned is not brought back by a reconnect, by the outbox, or by the end of the ban: only by themselves.

import { countdown } from "./standing.js";

const DOORS = {
  banned: { title: "You are banned from this room" },
  kicked: { title: "You were removed from this room" },
  locked: { title: "This room is locked" },
  wrong_passphrase: { title: "This room has a passphrase", asksPassphrase: true },
  not_allowed: { title: "This link does not let you in" },
};

/** Refusals that only the person ends. */
export function isRemoval({ error }) {
  return error === "banned" || error === "kicked";
}

/** Is this a refusal that closes the room's door? */
export function isShut({ error }) {
  return Object.hasOwn(DOORS, error);
}

/**
 * What the doorway shows for a refusal {error, text, reason?, until?, needed?}: {title, text, reason, wait, asksPassphrase,
 * isTrouble}. wait: a countdown, empty once it is over. now: the server's time in ms.
 */
export function doorOf(refusal, now) {
  const { title, asksPassphrase = false } = DOORS[refusal.error];
  const left = refusal.until ? Date.parse(refusal.until) - now : 0;
  return {
    title,
    asksPassphrase,
    text: isRemoval(refusal) ? lengthOf(refusal, left) : refusal.text,
    reason: refusal.reason ? `Reason: ${refusal.reason}` : "",
    wait: left > 0 ? countdown(left) : "",
    isTrouble: refusal.error === "wrong_passphrase" && !refusal.needed,
  };
}

function lengthOf({ error, until }, left) {
  const what = error === "kicked" ? "A moderator has removed you." : "A moderator has banned you";
  if (error === "kicked") return left > 0 ? `${what} You can come back in a moment.` : `${what} You can come back.`;
  if (!until) return `${what} for good.`;
  return left > 0 ? `${what} until ${moment(until)}.` : "The ban is over.";
}

const sameDay = new Intl.DateTimeFormat([], { timeStyle: "short" });
const anotherDay = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });

/** A time for people: without the date where it is today. */
export function moment(iso) {
  const date = new Date(iso);
  return (date.toDateString() === new Date().toDateString() ? sameDay : anotherDay).format(date);
}
