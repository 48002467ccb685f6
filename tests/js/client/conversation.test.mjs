// The official socket.io-client against the shipped server, on every way of connecting.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Server } from "./server.mjs";
import { newId, Talker } from "./talker.mjs";

const HUNDRED = Array.from({ length: 100 }, (_, n) => `word ${n}`);
const WAYS = {
  websocket: { transports: ["websocket"] },
  polling: { transports: ["polling"] },
  "polling, then an upgrade": { transports: ["polling", "websocket"] },
};

let server;
before(async () => (server = await Server.start()));
after(() => server.remove());

for (const [way, options] of Object.entries(WAYS)) {
  describe(way, () => {
    const room = `room-${way.replace(/\W+/g, "-")}`;
    const connect = (t, nickname) => Talker.connect(t, server.url, `${nickname} ${way.slice(0, 9)}${way.length}`, options);

    test("two people talk, and every verb is acked", async (t) => {
      const [alice, bob] = [await connect(t, "alice"), await connect(t, "bob")];
      const joined = await alice.join(room);
      assert.deepEqual([joined.count, joined.messages, joined.more], [1, [], false]);
      await bob.join(room);
      const said = await alice.say(room, "hello bob, grüß dich 👋");
      const { message } = await bob.hears("message");
      assert.deepEqual(message, said);
      assert.deepEqual((await alice.hears("message")).message, said, "the author's own socket hears it too");
      assert.deepEqual([said.seq, said.rev, said.kind], [1, 1, "said"]);
      assert.equal((await alice.ask("echo", { deep: [1, { a: null }] })).deep[1].a, null);
      assert.equal((await alice.ask("dance")).error, "no_such_verb");
      assert.equal((await alice.ask("send", { room, text: "", id: newId() })).error, "bad_payload");
      assert.equal((await alice.ask("leave", { room })).ok, true);
    });

    test("a hundred messages in one breath keep their order", async (t) => {
      const here = `${room}-100`;
      const [alice, bob] = [await connect(t, "ann"), await connect(t, "ben")];
      await Promise.all([alice.join(here), bob.join(here)]);
      const said = await Promise.all(HUNDRED.map((text) => alice.say(here, text)));
      assert.deepEqual(said.map(({ seq }) => seq), HUNDRED.map((_, n) => n + 1));
      assert.deepEqual(await bob.hearsTexts(here, 100), HUNDRED);
      assert.deepEqual(await alice.hearsTexts(here, 100), HUNDRED);
    });

    test("the same id is said once", async (t) => {
      const here = `${room}-once`;
      const alice = await connect(t, "cleo");
      await alice.join(here);
      const id = newId();
      const [first, second] = await Promise.all([alice.say(here, "once", id), alice.say(here, "once", id)]);
      assert.deepEqual(second, first);
      assert.equal((await alice.ask("send", { room: here, text: "another text", id })).error, "id_reused");
      await alice.say(here, "the end");
      assert.deepEqual(await alice.hearsTexts(here, 2), ["once", "the end"]);
    });

    test("a token brings the same person back", async (t) => {
      const first = await connect(t, "dora");
      const welcome = await first.hears("welcome");
      assert.equal(typeof welcome.token, "string");
      first.socket.disconnect();
      const again = await Talker.connect(t, server.url, null, { ...options, auth: { token: welcome.token } });
      const { me, token } = await again.hears("welcome");
      assert.deepEqual([me, token], [welcome.me, undefined]);
      assert.equal((await again.join(room)).me.nickname, welcome.me.nickname);
    });
  });
}

test("words go on while the transport is upgraded", async (t) => {
  const alice = await Talker.connect(t, server.url, "upgraded", WAYS["polling, then an upgrade"]);
  await alice.join("upgrade");
  const upgraded = new Promise((done) => alice.socket.io.engine.once("upgrade", done));
  const said = Promise.all(HUNDRED.map((text) => alice.say("upgrade", text)));
  if (alice.transport !== "websocket") await upgraded;
  assert.deepEqual((await said).map(({ text }) => text), HUNDRED);
  assert.deepEqual(await alice.hearsTexts("upgrade", 100), HUNDRED);
  assert.equal(alice.transport, "websocket");
});

test("forty events in one POST all arrive", async (t) => {
  const alice = await Talker.connect(t, server.url, "forty", WAYS.polling);
  await alice.join("forty");
  const occupied = alice.ask("echo", {});
  const said = HUNDRED.slice(0, 40).map((text) => alice.say("forty", text));
  assert.ok(alice.socket.io.engine.writeBuffer.length >= 40, "the client holds them back for one POST");
  const seqs = (await Promise.all(said)).map(({ seq }) => seq);
  assert.deepEqual(seqs, Array.from({ length: 40 }, (_, n) => n + 1));
  assert.deepEqual(await alice.hearsTexts("forty", 40), HUNDRED.slice(0, 40));
  await occupied;
});

test("what was emitted before there was a connection arrives in order", async (t) => {
  const alice = new Talker(server.url, { nickname: "early" }, WAYS.polling);
  t.after(() => alice.socket.disconnect());
  const joined = alice.join("early");
  const said = HUNDRED.slice(0, 40).map((text) => alice.say("early", text));
  alice.socket.connect();
  await joined;
  await Promise.all(said);
  assert.deepEqual(await alice.hearsTexts("early", 40), HUNDRED.slice(0, 40));
});

test("an unknown namespace is refused in the words of the protocol", async (t) => {
  const stranger = new Talker(`${server.url}/admin`, {}, { transports: ["websocket"] });
  t.after(() => stranger.socket.disconnect());
  stranger.socket.connect();
  assert.equal((await stranger.hears("connect_error")).message, "Invalid namespace");
});
