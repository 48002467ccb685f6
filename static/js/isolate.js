// Names inside sentences. A name written from right to left must not change the direction of the words around it: sentences
// hold each name isolated (U+2068, U+2069), and are drawn with each name in a <bdi> element in place of those characters.

const ISOLATED = /\u2068((?:[^\u2068\u2069]|\u2068[^\u2068\u2069]*\u2069)*)\u2069/; // also what a translation isolates with a name in it

const UNIT = /(\d) (?=(?:m?s|min|h|[kKMGT]?B)(?!\p{L}))/gu;

export function isolate(name) {
  return `\u2068${name}\u2069`;
}

/** Writes a sentence into an element, unless it is there already: a live region reads every write. What the server says in English
 * breaks no line between a number and its unit either; see language.js. */
export function write(element, sentence) {
  const text = sentence.replace(UNIT, "$1\u00a0");
  if (element.textContent === plain(text)) return;
  const parts = text.split(ISOLATED);
  element.replaceChildren(...parts.map((part, at) => (at % 2 ? isolated(part) : part)));
}

/** The sentence as its reader sees it. */
export function plain(sentence) {
  return sentence.replace(/[\u2068\u2069]/g, "");
}

function isolated(name) {
  const element = document.createElement("bdi");
  element.textContent = plain(name);
  return element;
}
