// A media query that never throws. One that the browser does not know does not match.

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
