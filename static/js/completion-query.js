// Where in a text something can be completed, and in which order what fits is offered. Pure.

const EDGE = /[\p{L}\p{N}_]/u;
const JOINED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u; // between these words have no blanks
const QUERIES = {
  "@": /^(?!\s|.*\s\s)[^\n@]{0,40}$/u, // nicknames have blanks
  "#": /^(?!\d+$)[a-z0-9_-]{0,64}$/i,
  ":": /^[\p{L}\p{M}\p{N}_+-]{2,40}$/u,
  "/": /^[a-z]{0,20}$/i,
};

/** {trigger, start, query} of what is being typed before the caret; null where nothing can be completed. */
export function queryAt(text, caret) {
  const before = text.slice(0, caret);
  const found = Object.keys(QUERIES).map((trigger) => lastOf(trigger, before)).filter(Boolean);
  return found.sort((one, other) => other.start - one.start)[0] ?? null;
}

function lastOf(trigger, before) {
  const start = before.lastIndexOf(trigger);
  const query = before.slice(start + 1);
  const isOne = start >= 0 && QUERIES[trigger].test(query) && mayBegin(trigger, before.slice(0, start));
  return isOne ? { trigger, start, query } : null;
}

function mayBegin(trigger, before) {
  if (trigger === "/") return before.trim() === "";
  if (trigger !== "@" && /[`:#/]$/.test(before)) return false;
  const last = [...before].at(-1) ?? "";
  return !EDGE.test(last) || JOINED.test(last);
}

/** Those of which a name begins with the query come first, then those of which a word does; each in its order. */
export function ranked(items, query, namesOf) {
  const wanted = folded(query);
  const rank = (item) => Math.min(...namesOf(item).map((name) => rankOf(folded(name), wanted)));
  return items
    .map((item, at) => ({ item, at, rank: rank(item) }))
    .filter((one) => one.rank < 3)
    .sort((one, other) => one.rank - other.rank || one.at - other.at)
    .map(({ item }) => item);
}

function rankOf(name, wanted) {
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  return name.split(/[\s_-]+/).some((word) => word.startsWith(wanted)) ? 2 : 3;
}

/** Capitals and accents count for nothing. */
export function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
