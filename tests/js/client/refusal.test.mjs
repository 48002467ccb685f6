// A transport that the operator switched off is refused, and the client is told why.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./server.mjs";
import { Talker } from "./talker.mjs";

/** The error, and what the server's answer said: to be read at once, for the client then throws it away. */
function refused(t, url, transports) {
  const { socket } = new Talker(url, { nickname: "alice" }, { transports, reconnection: false });
  t.after(() => socket.disconnect());
  socket.connect();
  return new Promise((done) => {
    socket.once("connect_error", (error) => done({ error, answer: error.context?.responseText }));
  });
}

test("polling is refused with a reason where only websocket is allowed", async (t) => {
  const server = await Server.start({ transports: "websocket" });
  t.after(() => server.remove());
  const { error, answer } = await refused(t, server.url, ["polling"]);
  assert.equal(error.description, 400);
  const { code, message } = JSON.parse(answer);
  assert.equal(code, 0);
  assert.match(message, /Transport polling is switched off here; this server speaks websocket/);
  await Talker.connect(t, server.url, "alice", { transports: ["websocket"] });
});

test("websocket is refused with a reason where only polling is allowed", async (t) => {
  const server = await Server.start({ transports: "polling" });
  t.after(() => server.remove());
  const { error } = await refused(t, server.url, ["websocket"]);
  assert.match(error.description.message, /Unexpected server response: 400/);
  const answer = await fetch(`${server.url}/socket.io/?EIO=4&transport=websocket`);
  assert.match((await answer.json()).message, /Transport websocket is switched off here; this server speaks polling/);
  const alice = await Talker.connect(t, server.url, "alice", { transports: ["polling", "websocket"] });
  assert.equal(alice.transport, "polling");
  const handshake = await fetch(`${server.url}/socket.io/?EIO=4&transport=polling`);
  assert.deepEqual(JSON.parse((await handshake.text()).slice(1)).upgrades, [], "and no upgrade is offered");
});
