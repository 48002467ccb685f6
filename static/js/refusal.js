// Refusals that keep this person out of a room; what its closed door shows of them is in room-door.js. Pure.

const REMOVALS = new Set(["banned", "kicked"]);
const SHUT = new Set([...REMOVALS, "locked", "wrong_passphrase", "not_allowed"]);

/** Refusals that only the person ends. */
export function isRemoval({ error }) {
  return REMOVALS.has(error);
}

/** Is this a refusal that closes the room's door? */
export function isShut({ error }) {
  return SHUT.has(error);
}
