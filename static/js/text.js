// The text of a message as the server stores it (app/chat/visible.py): without leading blank lines and trailing blanks. And
// whether any of it can be seen.

const SEEN = /[^\s\p{Z}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{16fe4}\u{13430}-\u{13442}\ufff9-\ufffb\u2d7f\u{1107f}]/u;
const ACTION = /^\/me\s+/i;

/** The first line keeps its indentation. */
export function trimmed(text) {
  const end = text.trimEnd();
  const start = end.length - end.trimStart().length;
  const head = end.slice(0, start);
  return end.slice(Math.max(head.lastIndexOf("\n"), head.lastIndexOf("\r")) + 1);
}

/** Is nothing of it visible? Of an action, nothing behind the /me. */
export function isBlank(text) {
  return !SEEN.test(trimmed(text).replace(ACTION, ""));
}
