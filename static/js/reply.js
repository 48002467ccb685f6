// The line above an answer: whom it answers, and how that began.

import { part } from "./message-parts.js";
import { visible } from "./visible-text.js";

const LONGEST = 140;

/** {nickname, text} of what is answered, in one line. Undefined where it is not held here. */
export function quoteOf(message) {
  if (!message) return { text: "an older message" };
  if (message.deleted) return { text: "a deleted message" };
  return { nickname: message.nickname, text: shortened(message.text) };
}

/** Draws the quote of a row. `answered` is the message with the seq that is answered, where it is held here. */
export function fillQuote(row, seq, answered) {
  const button = part(row, "message-quote", Boolean(seq));
  row.classList.toggle("is-reply", Boolean(seq));
  if (!seq) return;
  const { nickname, text } = quoteOf(answered);
  button.dataset.answers = seq;
  button.disabled = !answered || Boolean(answered.deleted);
  button.querySelector(".message-quote-author").textContent = visible(nickname ?? "");
  const words = button.querySelector(".message-quote-text");
  words.textContent = ` ${visible(text)}`;
  words.style.setProperty("--letters", text.length);
}

function shortened(text) {
  const line = text.replace(/\s+/gu, " ").trim();
  const characters = [...line];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : line;
}
