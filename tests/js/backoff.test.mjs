import assert from "node:assert/strict";
import { test } from "node:test";
import { pauseAfter } from "../../static/js/backoff.js";

const least = () => 0;
const most = () => 1;

test("the first pause is spread from a quarter of a second to a whole one", () => {
  assert.equal(pauseAfter(0, least), 250);
  assert.equal(pauseAfter(0, most), 1_000);
});

test("each pause may be twice as long as the one before, and none is longer than 15 s", () => {
  assert.deepEqual([1, 2, 3, 4, 30].map((failures) => pauseAfter(failures, most)), [2_000, 4_000, 8_000, 15_000, 15_000]);
});

test("however long it was gone: of a thousand who lost it in one moment, not half come back within a fifth of a second", () => {
  for (const failures of [0, 1, 2, 10]) {
    const back = Array.from({ length: 1_000 }, () => pauseAfter(failures)).sort((one, other) => one - other);
    const busiest = Math.max(...back.map((moment, at) => back.filter((other) => other >= moment && other <= moment + 200).length));
    assert.ok(busiest < 500, `${busiest} in the busiest fifth of a second after ${failures} failures`);
  }
});
