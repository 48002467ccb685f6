// The quote above a reply: who wrote the message that it replies to, and how that begins.

import { t } from "./language.js";
import { part } from "./message-parts.js";
import { visible } from "./visible-text.js";
import { wordsText } from "./words-text.js";

const MAX_QUOTE = 140;

/** {nickname, text} of a message, in one line; of undefined, where it is not held here. */
export function quoteOf(message) {
  if (!message) return { text: t("an older message") };
  if (message.isIgnored) return { text: t("a message of somebody you ignore") };
  if (message.deleted) return { text: t("a deleted message") };
  return { nickname: message.nickname, text: shortened(wordsText(message.words ?? message.text)) || (message.file?.name ?? "") };
}

/** Draws the quote of a row. quoted: the message with this seq, where it is held here. */
export function fillQuote(row, seq, quoted) {
  const button = part(row, "message-quote", Boolean(seq));
  row.classList.toggle("is-reply", Boolean(seq));
  if (!seq) return;
  const { nickname, text } = quoteOf(quoted);
  button.dataset.answers = seq;
  button.disabled = !quoted || Boolean(quoted.deleted);
  button.querySelector(".message-quote-author").textContent = visible(nickname ?? "");
  const words = button.querySelector(".message-quote-text");
  words.textContent = ` ${visible(text)}`;
  words.style.setProperty("--letters", text.length);
}

function shortened(text) {
  const line = text.replace(/\s+/gu, " ").trim();
  const characters = [...line];
  return characters.length > MAX_QUOTE ? `${characters.slice(0, MAX_QUOTE).join("")}…` : line;
}
