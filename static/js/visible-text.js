// People's text as it is drawn: invisible characters and long gaps are replaced. Messages are stored as typed. Pure.

const LINE_ENDS = /\r\n?|[\u0085\u2028\u2029]/gu;
// Lines in which nothing can be seen: blanks, formats (ZWSP, U+202E, tags, ...), fillers. One class, for a short search.
const EMPTY_LINES = /\n(?:[\t\v\f\p{Zs}\p{Cf}\p{Variation_Selector}\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc\u{16fe4}\u{1d159}]*\n){3,}/gu;
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/gu;
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const LONG = 900; // characters
const TALL = 16; // lines

/** At most two empty lines in a row; controls (ESC, ...) as the pictures that Unicode has of them. */
export function visible(text) {
  return text.replace(LINE_ENDS, "\n").replace(EMPTY_LINES, "\n\n\n").replace(CONTROLS, picture);
}

/** Could it change the direction of the text around it? */
export function turnsAround(text) {
  return BIDI_CONTROLS.test(text);
}

/** May it be tall enough to be folded? Then the page measures it. */
export function mayBeTall(text) {
  return text.length > LONG || text.split(/\r\n?|[\n\u0085\u2028\u2029]/u, TALL + 1).length > TALL;
}

function picture(control) {
  const code = control.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : "\ufffd";
}
