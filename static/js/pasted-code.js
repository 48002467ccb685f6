// Is what was pasted code, and how does it look between fences? Pure.

const FENCE = /^ {0,3}(`{3,})[^`\n]*$/;
const INDENTED = /^(?:\t| {2,})\S/m;
const LOOKS_LIKE_CODE = /[;{}]\s*$|^\s*(?:def|class|import|from|function|const|let|var|return|if|for|while|#include|public|SELECT|<\/?[a-z])\b.*$|=>|\)\s*:\s*$/m;

/** text: as pasted; html: its other form, if any; editor: what VS Code says of it, if that is where it comes from. */
export function isCode({ text, html = "", editor = "" }) {
  const lines = text.split("\n").filter((line) => line.trim());
  if (lines.length < 2 || FENCE.test(lines[0])) return false;
  return Boolean(editor) || /<pre\b|font-family:[^;"]*(?:mono|consolas|menlo|courier)/i.test(html) || INDENTED.test(text) || LOOKS_LIKE_CODE.test(text);
}

/** The language that the editor names, as it is written behind a fence; empty where it names none. */
export function languageOf(editor) {
  try {
    const { mode } = JSON.parse(editor);
    return /^[a-z0-9+#-]{1,30}$/.test(mode ?? "") && mode !== "plaintext" ? mode : "";
  } catch {
    return "";
  }
}

/** The code as a block of its own between what is before and behind it. */
export function fenced(code, { before = "", after = "", language = "" }) {
  const longest = Math.max(2, ...[...code.matchAll(/`{3,}/g)].map(([marks]) => marks.length));
  const fence = "`".repeat(longest + 1);
  const start = before && !before.endsWith("\n") ? "\n" : "";
  const end = after && !after.startsWith("\n") ? "\n" : "";
  return `${start}${fence}${language}\n${code.replace(/\n+$/, "")}\n${fence}${end}`;
}

/** Is there an open fence at the end of this text? Then what is typed next is code already. */
export function isInFence(before) {
  let open = "";
  for (const line of before.split("\n")) {
    const [, fence] = FENCE.exec(line) ?? [];
    if (!fence) continue;
    if (!open) open = fence;
    else if (fence.length >= open.length && line.trim() === fence) open = "";
  }
  return Boolean(open);
}
