// Names inside sentences. A name written from right to left must not turn the words around it, so a sentence is made with
// each name isolated (U+2068, U+2069), and drawn with each in an element of its own: its text stays what one reads.

const ISOLATED = /\u2068([^\u2069]*)\u2069/;

export function isolate(name) {
  return `\u2068${name}\u2069`;
}

/** Writes a sentence into an element. The same again changes nothing: a live region would tell it again. */
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
  element.textContent = name;
  return element;
}
