// Where the site lives: at the root of its host, or under a path of it that the page was told.

export const base = globalThis.document?.body?.dataset.base ?? "";

/** The address of a path of the site. */
export const at = (path) => base + path;
