// A part of a text around the words that were looked for. Pure.

const BEFORE = 60; // characters that are shown before the first of them
const LENGTH = 240;

/** [{text, isMarked?}]: the parts of the excerpt. marks: [[from, to]] in the text, in their order. */
export function excerpt(text, marks) {
  const [start, end] = bounds(text, marks[0]?.[0] ?? 0);
  const parts = [];
  let at = start;
  for (const [from, to] of marks) {
    if (from >= end) break;
    parts.push({ text: text.slice(at, from) }, { text: text.slice(from, Math.min(to, end)), isMarked: true });
    at = Math.min(to, end);
  }
  parts.push({ text: text.slice(at, end) });
  if (start > 0) parts.unshift({ text: "… " });
  if (end < text.length) parts.push({ text: " …" });
  return parts.filter((part) => part.text !== "");
}

/** From the beginning of a word on, and never through the middle of a pair of surrogates. */
function bounds(text, first) {
  let start = Math.max(0, first - BEFORE);
  if (start > 0) {
    const blank = text.slice(start, first).search(/\s/);
    start = blank < 0 ? start : start + blank + 1;
  }
  let end = Math.min(text.length, start + LENGTH);
  if (isHalf(text, start)) start -= 1;
  if (isHalf(text, end)) end += 1;
  return [start, end];
}

function isHalf(text, at) {
  return at > 0 && /[\udc00-\udfff]/.test(text[at] ?? "") && /[\ud800-\udbff]/.test(text[at - 1]);
}
