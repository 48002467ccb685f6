// What is said of a text, as the server has it (app/chat/visible.py): without blank lines before and blanks behind; and
// whether anything of it can be seen.

const SEEN = /[^\s\p{Z}\p{Cc}\p{Default_Ignorable_Code_Point}\u2800\ufffc\u{1d159}\u{16fe4}\u{13430}-\u{13442}\ufff9-\ufffb\u2d7f\u{1107f}]/u;
const ACTION = /^\/me\s+/i;

/** The first line keeps its indentation. */
export function trimmed(text) {
  const end = text.trimEnd();
  const start = end.length - end.trimStart().length;
  const head = end.slice(0, start);
  return end.slice(Math.max(head.lastIndexOf("\n"), head.lastIndexOf("\r")) + 1);
}

/** Would nothing be seen of it? Of an action, nothing of what one does. */
export function isBlank(text) {
  return !SEEN.test(trimmed(text).replace(ACTION, ""));
}
