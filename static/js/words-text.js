// The text of a tree of words without its marks: for quotes, notifications, search. Pure; app/chat/words.py has the same.

export function wordsText(words) {
  return [words].flat().map(textOf).join("").replace(/\n+$/, "");
}

/** Is it nothing but one to three emoji? text: where the message has no tree. */
export function isOnlyEmoji(text, words) {
  const shown = words ? (words.every(isEmojiOrText) ? wordsText(words) : "") : text;
  return shown.length <= 60 && THREE_EMOJI.test(shown);
}

const THREE_EMOJI = new RegExp(
  String.raw`^(?:(?:\p{Extended_Pictographic}[\u{fe0f}\u{1f3fb}-\u{1f3ff}]*(?:\u{200d}\p{Extended_Pictographic}[\u{fe0f}\u{1f3fb}-\u{1f3ff}]*)*` +
    String.raw`[\u{e0020}-\u{e007f}]*|\p{Regional_Indicator}{2}|[0-9#*]\u{fe0f}?\u{20e3})\s*){1,3}$`,
  "u",
);

function isEmojiOrText(node) {
  return typeof node === "string" || "emoji" in node;
}

function textOf(node) {
  if (typeof node !== "object" || node === null) return String(node ?? "");
  if (Array.isArray(node)) return node.map(textOf).join("");
  if ("list" in node) return node.list.map((item, at) => `${"start" in node ? `${node.start + at}.` : "-"} ${wordsText(item)}\n`).join("");
  if ("quote" in node) return `${wordsText(node.quote)}\n`;
  if ("codeblock" in node) return `${node.codeblock}\n`;
  return textOf(node.words ?? Object.values(node)[0]);
}
