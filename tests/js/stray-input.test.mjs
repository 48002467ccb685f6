import assert from "node:assert/strict";
import { test } from "node:test";

import { isPrintable } from "../../static/js/stray-input.js";

const press = (key, more = {}) => ({ key, getModifierState: (name) => name === more.state, ...more });

test("characters of all scripts are something typed, and so is a dead key", () => {
  for (const key of ["a", "A", "?", " ", "ß", "ש", "😀", "Dead"]) assert.ok(isPrintable(press(key)), key);
});

test("keys that write nothing are not", () => {
  for (const key of ["Enter", "Tab", "Escape", "ArrowUp", "F5", "Shift", "PageUp", "Process", "Unidentified"]) {
    assert.equal(isPrintable(press(key)), false, key);
  }
});

test("shortcuts are not, but what AltGr writes is", () => {
  for (const modifier of ["ctrlKey", "altKey", "metaKey"]) assert.equal(isPrintable(press("c", { [modifier]: true })), false, modifier);
  assert.ok(isPrintable(press("@", { ctrlKey: true, altKey: true, state: "AltGraph" })));
});

test("what an input method is composing belongs to it", () => {
  assert.equal(isPrintable(press("a", { isComposing: true })), false);
  assert.equal(isPrintable(press("a", { keyCode: 229 })), false);
});
