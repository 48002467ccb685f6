// The site's path: empty at the root of its host, or a path of it (PARLOR_BASE_PATH), which the page has in data-base.

export const base = globalThis.document?.body?.dataset.base ?? "";

/** A path of the site as a browser asks for it. */
export const sitePath = (path) => base + path;
