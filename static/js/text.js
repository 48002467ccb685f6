// The text of a message as the server stores it (app/chat/visible.py): without leading blank lines and trailing blanks. And
// whether any of it can be seen.

const SEEN = /[^\s\p{Z}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{16fe4}\u{13430}-\u{13442}\ufff9-\ufffb\u2d7f\u{1107f}]/u;
const BREAK = /[\r\n]/;
const ACTION = /^\/me\s+/i;

/** The first line keeps its indentation. A line of what cannot be seen is blank. */
export function trimmed(text) {
  let end = text.trimEnd();
  for (let at = lastBreak(end); at >= 0 && !SEEN.test(end.slice(at)); at = lastBreak(end)) end = end.slice(0, at).trimEnd();
  let start = 0;
  for (let at = end.search(BREAK); at >= 0 && !SEEN.test(end.slice(start, start + at)); at = end.slice(start).search(BREAK)) start += at + 1;
  return end.slice(start);
}

function lastBreak(text) {
  return Math.max(text.lastIndexOf("\n"), text.lastIndexOf("\r"));
}

/** Is nothing of it visible? Of an action, nothing behind the /me. */
export function isBlank(text) {
  return !SEEN.test(trimmed(text).replace(ACTION, ""));
}
