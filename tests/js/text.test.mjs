import assert from "node:assert/strict";
import { test } from "node:test";

import { commandIn } from "../../static/js/command-in.js";
import { roomName } from "../../static/js/room-name.js";
import { isBlank, trimmed } from "../../static/js/text.js";

test("blank lines before and blanks behind go, the first line's indentation stays", () => {
  assert.equal(trimmed("    if x:\n        y()\n"), "    if x:\n        y()");
  assert.equal(trimmed("\n\n  indented after blank lines"), "  indented after blank lines");
  assert.equal(trimmed(" \t\r\n \n\tx \n y \n \n"), "\tx \n y");
  assert.equal(trimmed("plain"), "plain");
  assert.equal(trimmed("\n \t"), "");
  assert.equal(trimmed("\u200b\n\u2800 \r\n  \ufeffx \u{1f44d}\ufe0f\n\u3164\n\u200b\n"), "  \ufeffx \u{1f44d}\ufe0f");
});

test("a text of which nothing can be seen is blank, and an action of nothing too", () => {
  const nothing = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u3164", "\u2800", "\u202e", "\u00ad", "\ufe0f", "\n\n \t", "\u{e0041}"];
  const actions = nothing.filter((one) => one.trim()).map((one) => `/me ${one}`);
  for (const text of [...nothing, ...actions]) assert.ok(isBlank(text), JSON.stringify(text));
  for (const text of ["x", "/me", "/me waves", " .", "\u200bx", "👩‍💻", "/ \u200b"]) assert.ok(!isBlank(text), text);
});

test("what is indented is no command but said as it is", () => {
  assert.equal(commandIn(trimmed("   /me waves")), null);
  assert.equal(commandIn(trimmed("  /nick Ann")), null);
  assert.deepEqual(commandIn(trimmed("\n/nick Ann ")), { name: "nick", rest: "Ann" });
});

test("a room's name is put right as it is typed", () => {
  for (const text of ["den", " Den ", "#den", "# den", "ｄｅｎ", "＃den", "d\u200ben", "\ufeffden", "#\u200eden"]) assert.equal(roomName(text), "den", JSON.stringify(text));
  for (const text of ["my room", "My\u00a0 Room", "my\u3000room"]) assert.equal(roomName(text), "my-room", JSON.stringify(text));
  for (const text of ["", "#", "-den", "dën", "a/b", "x".repeat(65)]) assert.equal(roomName(text), null, JSON.stringify(text));
});
