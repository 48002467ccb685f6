import assert from "node:assert/strict";
import { test } from "node:test";

import { mayBeTall, turnsAround, visible } from "../../static/js/visible-text.js";

test("at most two empty lines in a row are drawn, whatever ends them or stands unseen in them", () => {
  for (const line of ["\n", "\r\n", "\r", "\u2028", "\u2029", "\u0085"]) {
    assert.equal(visible(`a${line.repeat(50)}b`), "a\n\n\nb", JSON.stringify(line));
  }
  for (const nothing of [" ", "\t", "\u00a0", "\u3000", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u2800", "\u3164", "\u202e", "\ufe0f", "\u{e0041}", "\ufffc", "\u{1d159}", "\u{16fe4}", "\u180f"]) {
    assert.equal(visible(`a${`\n${nothing}${nothing}`.repeat(50)}\nb`), "a\n\n\nb", `U+${nothing.codePointAt(0).toString(16)}`);
  }
});

test("two empty lines stay, and so do indentation and every line with something on it", () => {
  for (const text of ["a\n\n\nb", "if x:\n    y()\n\n    z()", "a\nb\nc\nd\n", "1\n\n2\n\n3\n\n4"]) assert.equal(visible(text), text);
});

test("controls are seen as the pictures that there are of them, and a tab stays one", () => {
  assert.equal(visible("\u0000\u0007\u001b[31m\u000b\u000c\u007f"), "␀␇␛[31m␋␌␡");
  assert.equal(visible("\u0080\u009b"), "\ufffd\ufffd");
  assert.equal(visible("a\tb"), "a\tb");
});

test("what is looked through takes no longer than it has characters", () => {
  const began = performance.now();
  for (const text of ["\ufeff".repeat(4_000), `${"\n\u200b".repeat(2_000)}x`, `${"\n\n\nx".repeat(1_000)}`, `\n${" ".repeat(4_000)}x`]) visible(text);
  assert.ok(performance.now() - began < 1_000);
});

test("overrides, embeddings, isolates and marks turn text around; letters of any script do not", () => {
  for (const control of "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c") assert.equal(turnsAround(`a${control}b`), true);
  for (const text of ["plain", "שלום", "مرحبا", "👩‍💻"]) assert.equal(turnsAround(text), false);
});

test("many lines and many characters may be tall", () => {
  assert.equal(mayBeTall("a\n".repeat(20)), true);
  assert.equal(mayBeTall("a\u2028".repeat(20)), true);
  assert.equal(mayBeTall("x".repeat(4_000)), true);
  assert.equal(mayBeTall("a few\nlines"), false);
});
