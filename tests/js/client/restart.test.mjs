// The server dies without a word, and comes back: the official client reconnects and catches up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "./server.mjs";
import { newId, Talker } from "./talker.mjs";

const WAYS = [["websocket"], ["polling"], ["polling", "websocket"]];

for (const transports of WAYS) {
  test(`SIGKILL and a new start lose nothing that was acked, by ${transports.join(" to ")}`, async (t) => {
    const server = await Server.start();
    t.after(() => server.remove());
    const alice = await Talker.connect(t, server.url, "alice", { transports });
    const { token, me } = await alice.hears("welcome");
    alice.socket.auth = { token };
    await alice.join("lobby");
    const before = await Promise.all(["one", "two", "three"].map((text) => alice.say("lobby", text)));
    const id = newId();
    const unsure = alice.ask("send", { room: "lobby", text: "was this said?", id }).catch(() => null);
    const from = alice.heard.length;
    await server.end("SIGKILL");
    await alice.hears("disconnect", undefined, { from });
    await server.start();
    await alice.hears("connect", undefined, { from });
    const bob = await Talker.connect(t, server.url, "bob", { transports });
    await bob.join("lobby");
    const meanwhile = await bob.say("lobby", "said while alice was away");
    const caughtUp = await alice.join("lobby", { after: before.at(-1).rev });
    const again = await alice.say("lobby", "was this said?", id);
    await unsure;
    assert.deepEqual(caughtUp.me, me);
    assert.equal(caughtUp.reset, undefined);
    assert.ok(caughtUp.messages.some((message) => message.seq === meanwhile.seq));
    const { messages } = await bob.ask("history", { room: "lobby" });
    assert.deepEqual(messages.slice(0, 3), before, "what was acked before is there, unchanged");
    assert.equal(messages.length, 5);
    assert.equal(messages.filter((message) => message.id === id).length, 1, "said once, though sent twice");
    assert.deepEqual(messages.find((message) => message.id === id), again);
    assert.deepEqual(messages.map(({ rev }) => rev), [1, 2, 3, 4, 5]);
  });
}

test("SIGTERM lets clients go so that they come back by themselves", async (t) => {
  const server = await Server.start();
  t.after(() => server.remove());
  const clients = await Promise.all(
    [["websocket"], ["polling"]].map((transports) => Talker.connect(t, server.url, transports[0], { transports })),
  );
  const from = clients.map(({ heard }) => heard.length);
  assert.equal(await server.end("SIGTERM"), 0);
  const reasons = await Promise.all(clients.map((client, at) => client.hears("disconnect", undefined, { from: from[at] })));
  for (const reason of reasons) assert.match(reason, /^transport (close|error)$/);
  await server.start();
  await Promise.all(clients.map((client, at) => client.hears("welcome", undefined, { from: from[at] })));
});
