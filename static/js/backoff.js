// The pause before a reconnect: random, between a quarter of a ceiling and all of it, so that after a restart of the server
// its clients come back one by one. The ceiling doubles with each failure. app/tools/client does the same.

const FIRST_CEILING_MS = 1_000;
const LAST_CEILING_MS = 15_000;

/** Milliseconds until the next attempt, after `failures` failed attempts in a row. random: as Math.random. */
export function pauseAfter(failures, random = Math.random) {
  return Math.min(FIRST_CEILING_MS * 2 ** failures, LAST_CEILING_MS) * (0.25 + 0.75 * random());
}
