// What this browser does not keep; storage-warning.js says it. Pure.

/** "both", "cookies", "storage"; empty where all is kept. isTabOnly: no cookie comes back to the server, which knows the person by
 * this tab's token. */
export function lossOf(local, isTabOnly) {
  return notStored({ storage: !local.isVolatile, cookies: hasCookies() && !isTabOnly });
}

/** What is not kept: "both", "cookies", "storage"; empty where all is. */
export function notStored({ storage, cookies }) {
  if (storage && cookies) return "";
  if (!storage && !cookies) return "both";
  return storage ? "cookies" : "storage";
}

export function hasCookies() {
  return navigator.cookieEnabled !== false;
}
