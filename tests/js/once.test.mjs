import assert from "node:assert/strict";
import { test } from "node:test";

import { once } from "../../static/js/once.js";

test("what is loaded is loaded once for all who ask, and anew only after it could not be had", async () => {
  const asked = [];
  const load = once((what) => {
    asked.push(what);
    return asked.length === 1 ? Promise.reject(new Error("offline")) : Promise.resolve(asked.length);
  });
  const first = [load("a"), load("b")];
  for (const one of first) await assert.rejects(one, /offline/);
  assert.deepEqual(await Promise.all([load("c"), load("d")]), [2, 2]);
  assert.equal(await load("e"), 2);
  assert.deepEqual(asked, ["a", "c"]);
});
