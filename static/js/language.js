// The page's sentences, dates and numbers, in the reader's language. Sentences stand in the code in English and are their own
// keys; English therefore needs no catalogue. That of another language is a script of its own in the page
// (static/languages/de.js), which ran before any module: {forms: ["one", "other"], words: {"Send": "Senden", "{n} file":
// ["{n} Datei", "{n} Dateien"]}}. The service worker has this file before its own parts (app/web/installed.py).
// Whatever is missing or damaged in it is English: a page never breaks over its language.

const ISOLATES = /[\u2066-\u2069]/;
const QUANTITIES = /\{(\w+)\} (?:[kKMG]?B|m?s|min|h)(?![a-z])/g;
const root = globalThis.document?.documentElement ?? globalThis.parlorPage; // {lang, dir}, in the service worker

/** Of the document: "de". */
export const language = root?.lang || "en";
/** Whether lines begin at the right. */
export const isRightToLeft = root?.dir === "rtl";
/** For Intl: the document's language, with the region that the browser is set to, if it is one of it; digits and calendar as the server writes them. */
const locale = localeOf(language, globalThis.navigator?.languages ?? []);
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const lists = globalThis.Intl.ListFormat && new Intl.ListFormat(language === "en" ? "en-GB" : locale); // no comma before "and"
const plurals = new Intl.PluralRules(locale);

/** A sentence with its values: `t("{who} has come", { who: "Ann" })`. */
export function t(text, values = {}) {
  return filled(translated(text), values);
}

/** A sentence that counts: `tn("{n} message", "{n} messages", 3)`; `n` is one of its values. */
export function tn(one, other, n, values = {}) {
  const form = formOf(known(one), n);
  return filled(unbroken(other, typeof form === "string" ? form : n === 1 ? one : other), { n: number(n), ...values });
}

/** A sentence around elements, for `append()`: `parts("Write to {who}.", { who: link })` is ["Write to ", link, "."]. */
export function parts(text, nodes) {
  const pieces = translated(text).split(/\{(\w+)\}/);
  const node = (name) => (typeof nodes[name] === "string" ? shown(nodes[name], "") : (nodes[name] ?? `{${name}}`));
  return pieces.map((piece, at) => (at % 2 === 0 ? piece : node(piece))).filter((piece) => piece !== "");
}

/** "1,234.5": with at most one digit behind the point. */
export function number(value) {
  return numbers.format(value);
}

/** "a, b and c". */
export function listed(names) {
  return lists ? lists.format(names) : sequence(names);
}

/** "a, b, c": things beside each other, of which none is the last. */
export function sequence(texts) {
  return texts.join(t(", "));
}

/** An Intl.DateTimeFormat of the document's language. */
export function dateFormat(options) {
  return new Intl.DateTimeFormat(locale, options);
}

/** An Intl.DisplayNames of countries; null where the browser has none. */
export function regionNames() {
  return globalThis.Intl.DisplayNames ? new Intl.DisplayNames([locale], { type: "region" }) : null;
}

/** The first of the browser's languages that is the document's, as "de-AT" is German. */
export function localeOf(wanted, preferred) {
  const ofIt = preferred.filter((tag) => tag.split("-")[0].toLowerCase() === wanted.split("-")[0].toLowerCase());
  const tags = [...ofIt, wanted].map((tag) => `${tag.split("-u-")[0]}-u-ca-gregory-nu-latn`);
  return tags.find(isLocale) ?? "en";
}

function isLocale(tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag).length > 0;
  } catch {
    return false; // not a language tag at all
  }
}

function known(text) {
  return globalThis.parlorLanguage?.words?.[text];
}

function translated(text) {
  const found = formOf(known(text), 1);
  return unbroken(text, typeof found === "string" ? found : text);
}

/** A number stands in one line with its unit. */
function unbroken(english, text) {
  return [...english.matchAll(QUANTITIES)].reduce((made, [, name]) => made.replace(`{${name}} `, `{${name}}\u00a0`), text);
}

function formOf(texts, n) {
  if (!Array.isArray(texts)) return texts;
  const { forms } = globalThis.parlorLanguage;
  const at = Array.isArray(forms) ? forms.indexOf(plurals.select(n)) : -1;
  return texts[at] ?? texts.at(-1);
}

function filled(text, values) {
  return text.replace(/(#?)\{(\w+)\}/g, (whole, sign, name) => (Object.hasOwn(values, name) ? shown(values[name], sign) : whole));
}

/** In a line from right to left a name, an address, a number with its unit keep their own direction (as in isolate.js), and
 * a room its sign. */
function shown(value, sign) {
  const told = `${sign}${value}`;
  return isRightToLeft && typeof value === "string" && !ISOLATES.test(value) ? `\u2068${told}\u2069` : told;
}
