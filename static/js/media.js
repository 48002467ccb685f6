// What the screen is like: a media query that never throws. Where the browser does not know it, it does not match.

/** {matches}; changed() is called when that changes. */
export function media(query, changed) {
  try {
    const list = matchMedia(query);
    if (changed) list.addEventListener("change", changed);
    return list;
  } catch {
    return { matches: false };
  }
}
