import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.window = { addEventListener: () => undefined };
globalThis.document = { body: { dataset: { base: "" } } };
const { TransportChoice, stepsOf } = await import("../../static/js/transport-choice.js");

TransportChoice.prototype.probeLater = () => undefined; // by a timer of minutes

function memory(values = {}) {
  const kept = new Map(Object.entries(values));
  return { get: (name) => kept.get(name) ?? null, set: (name, value) => kept.set(name, value), remove: (name) => kept.delete(name), kept };
}

function choice(offered, values) {
  return new TransportChoice(offered, { storage: memory(values), webSocketBack: () => undefined });
}

globalThis.fetch = async () => ({ ok: true });

test("server-sent events are tried last, and alone", () => {
  assert.deepEqual(stepsOf(["websocket", "polling"]), [["websocket", "polling"], ["polling"]]);
  assert.deepEqual(stepsOf(["websocket", "polling", "sse"]), [["websocket", "polling"], ["polling"], ["sse"]]);
  assert.deepEqual(stepsOf(["polling", "websocket", "sse"]), [["polling", "websocket"], ["sse"]]);
  assert.deepEqual(stepsOf(["websocket", "sse"]), [["websocket"], ["sse"]]);
  assert.deepEqual(stepsOf(["polling"]), [["polling"]]);
  assert.deepEqual(stepsOf(["sse"]), [["sse"]]);
});

test("what failed is not tried again before the others were", async () => {
  const one = choice(["websocket", "polling", "sse"]);
  assert.equal(await one.failed("websocket"), true);
  assert.deepEqual(one.options.transports, ["polling"]);
  await one.failed("polling");
  assert.deepEqual(one.options.transports, ["sse"]);
  await one.failed("sse");
  assert.deepEqual(one.options.transports, ["websocket", "polling"]);
  await one.failed("polling");
  assert.deepEqual(one.options.transports, ["sse"], "polling was part of that attempt");
});

test("what works is remembered, and forgotten when the WebSocket is back", () => {
  const one = choice(["websocket", "polling", "sse"]);
  one.connected("sse");
  assert.ok(Number(one.storage.get("sse-until")) > Date.now());
  const later = choice(["websocket", "polling", "sse"], Object.fromEntries(one.storage.kept));
  assert.deepEqual(later.options.transports, ["sse"]);
  later.connected("websocket");
  assert.equal(later.storage.get("sse-until"), null);
  assert.deepEqual(choice(["websocket", "polling"], Object.fromEntries(one.storage.kept)).options.transports, ["websocket", "polling"]);
});

test("polls that never last lead to server-sent events", () => {
  const one = choice(["websocket", "polling", "sse"]);
  one.connected("polling");
  one.broke("polling", 5_000);
  one.broke("polling", 60_000);
  one.broke("polling", 5_000);
  assert.deepEqual(one.options.transports, ["polling"]);
  one.broke("polling", 5_000);
  assert.deepEqual(one.options.transports, ["sse"]);
  const without = choice(["websocket", "polling"]);
  for (let n = 0; n < 9; n += 1) without.broke("polling", 1);
  assert.deepEqual(without.options.transports, ["websocket", "polling"]);
});
