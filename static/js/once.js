// What is loaded once, and asked for again after it could not be had. No DOM in here.

/** A function that calls load(...) for the first who asks, and gives all of them its promise; after a failure the next one asks anew. */
export function once(load) {
  let loading = null;
  return (...what) => {
    loading ??= load(...what).catch((error) => {
      loading = null;
      throw error;
    });
    return loading;
  };
}
