import assert from "node:assert/strict";
import { test } from "node:test";

import { InputHistory } from "../../static/js/input-history.js";
import { fenced, isCode, isInFence, languageOf } from "../../static/js/pasted-code.js";

test("several indented lines, and those of an editor, are code; talk is not", () => {
  assert.ok(isCode({ text: "if x:\n    y" }));
  assert.ok(isCode({ text: "a\nb", editor: "{}" }));
  assert.ok(isCode({ text: "a\nb", html: "<meta><pre>a\nb</pre>" }));
  assert.ok(isCode({ text: "a\nb", html: '<div style="font-family: Consolas, monospace">' }));
  assert.ok(isCode({ text: "let a = 1;\nlet b = 2;" }));
  for (const text of ["one line;", "hello\nthere", "one.\n\nTwo, and more.", "```\n  x\n```", "- a\n- b"]) assert.ok(!isCode({ text }), text);
});

test("the language is the editor's, where it names one", () => {
  assert.equal(languageOf('{"version":1,"mode":"python"}'), "python");
  for (const editor of ["", "{", "null", "[]", '{"mode":"plaintext"}', '{"mode":"a\\nb"}']) assert.equal(languageOf(editor), "");
});

test("between its fences code is a block of its own, whatever it holds", () => {
  assert.equal(fenced("a\nb\n", { language: "py" }), "```py\na\nb\n```");
  assert.equal(fenced("a", { before: "see:", after: "ok?" }), "\n```\na\n```\n");
  assert.equal(fenced("a", { before: "see:\n", after: "\nok?" }), "```\na\n```");
  assert.equal(fenced("````\n```", {}), "`````\n````\n```\n`````");
});

test("behind an open fence one writes code already", () => {
  assert.ok(isInFence("see\n```py\nx"));
  assert.ok(isInFence("````\n```\nx"));
  for (const before of ["", "x", "```\nx\n```\n", "`x` ```y```"]) assert.ok(!isInFence(before), before);
});

test("one goes back in what one has said, and forth again to what one was typing", () => {
  const history = new InputHistory();
  const said = ["a", "b", "b", "c"];
  const back = () => history.step(-1, said, "draft");
  const forth = () => history.step(1, said, "draft");
  assert.equal(forth(), null);
  assert.deepEqual([back(), back(), back(), back()], ["c", "b", "a", null]);
  assert.deepEqual([forth(), forth(), forth(), forth()], ["b", "c", "draft", null]);
  back();
  history.leave();
  assert.equal(back(), "c");
  assert.equal(new InputHistory().step(-1, [], ""), null);
});
