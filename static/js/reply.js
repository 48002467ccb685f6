// The line above an answer: whom it answers, and how that began.

const LONGEST = 140;

/** {nickname, text} of what is answered, in one line. Undefined where it is not held here. */
export function quoteOf(message) {
  if (!message) return { text: "an older message" };
  if (message.deleted) return { text: "a deleted message" };
  return { nickname: message.nickname, text: shortened(message.text) };
}

/** Draws the quote of a row. `answered` is the message with the seq that is answered, where it is held here. */
export function fillQuote(row, seq, answered) {
  const button = row.querySelector(".message-quote");
  const known = answered && !answered.deleted;
  const { nickname, text } = quoteOf(answered);
  row.classList.toggle("is-reply", Boolean(seq));
  button.hidden = !seq;
  delete button.dataset.answers;
  if (!seq) return;
  button.dataset.answers = seq;
  button.disabled = !known;
  button.querySelector(".message-quote-author").textContent = nickname ?? "";
  button.querySelector(".message-quote-text").textContent = text;
}

function shortened(text) {
  const line = text.replace(/\s+/gu, " ").trim();
  const characters = [...line];
  return characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : line;
}
