// The page's sentences, in the reader's language. Sentences stand in the code in English and are their own keys;
// English therefore needs no catalogue.

/** A sentence with its values: `t("{who} has come", { who: "Ann" })`. */
export function t(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A sentence that counts: `tn("{n} message", "{n} messages", 3)`; `n` is one of its values. */
export function tn(one, other, n, values = {}) {
  return t(n === 1 ? one : other, { n, ...values });
}
