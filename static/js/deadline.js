// An end for a request that is never answered. AbortSignal.timeout would do, but browsers older than 2022 have none.

/** The signal of an abort in so many milliseconds; what a request has got by then is not taken back. */
export function deadline(ms) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}
