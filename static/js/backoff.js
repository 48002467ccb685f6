// How long to wait before coming back. Drawn evenly between a quarter of a ceiling and all of it: a crowd that lost its
// server in one moment does not meet it in one moment. The ceiling doubles with each failure. app/tools/client.py does the
// same.

const FIRST_CEILING = 1_000;
const LAST_CEILING = 15_000;

/** Milliseconds until the next attempt, after so many that failed in a row. `random`: as Math.random. */
export function pauseAfter(failures, random = Math.random) {
  return Math.min(FIRST_CEILING * 2 ** failures, LAST_CEILING) * (0.25 + 0.75 * random());
}
