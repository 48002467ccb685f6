// Names inside sentences. A name written from right to left must not change the direction of the words around it: sentences
// hold each name isolated (U+2068, U+2069), and are drawn with each name in a <bdi> element in place of those characters.

const ISOLATED = /\u2068((?:[^\u2068\u2069]|\u2068[^\u2068\u2069]*\u2069)*)\u2069/; // also what a translation isolates with a name in it

export function isolate(name) {
  return `\u2068${name}\u2069`;
}

/** Writes a sentence into an element, unless it is there already: a live region reads every write. */
export function write(element, sentence) {
  if (element.textContent === plain(sentence)) return;
  const parts = sentence.split(ISOLATED);
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
