// A time limit for a request. AbortSignal.timeout would do, but browsers older than 2022 do not have it.

/** A signal that aborts after so many milliseconds; an answer that was read by then stays. */
export function deadline(ms) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}
