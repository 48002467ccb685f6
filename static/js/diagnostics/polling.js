// A whole session over polling: handshake, CONNECT, round trips, close.

import { address, ask, clock, median, ms, roundTrips, short, textOf } from "./engineio.js";

export async function polling(offered) {
  if (!offered.includes("polling")) return { verdict: "unknown", seen: "switched off by the operator" };
  try {
    const began = clock();
    const session = await open();
    const opened = clock() - began;
    const times = await roundTrips(session.send, session.receive);
    await session.send("1").catch(() => null);
    return { verdict: "ok", seen: `opens in ${ms(opened)}, there and back in ${ms(median(times))}` };
  } catch (error) {
    return { verdict: "bad", seen: error.message, ...whyNot(error.message) };
  }
}

/** A session that has sent CONNECT: {sid, pingInterval, send(packet), receive(timeout)}. */
export async function open() {
  const answer = await ask(address("polling"));
  const text = await answer.text();
  if (!text.startsWith("0{")) throw new Error(`the handshake is answered ${answer.status}: ${short(text)}`);
  const { sid, pingInterval } = JSON.parse(text.slice(1));
  const send = async (body) => textOf(await ask(address("polling", sid), { method: "POST", body }));
  const receive = async (timeout) => {
    const packets = await textOf(await ask(address("polling", sid), { timeout }));
    if (packets === "") throw new Error("a poll is answered with nothing");
    return packets.split("\u001e");
  };
  await send("40");
  return { sid, pingInterval, send, receive };
}

function whyNot(message) {
  if (/session/i.test(message)) {
    return {
      cause: "The requests of one session do not reach the same process, or are answered from a cache.",
      mend: "Run one process, or send each visitor to the same one (sticky sessions); let nothing cache /socket.io/.",
    };
  }
  if (/origin/i.test(message)) {
    return {
      cause: "The server does not know this address for its own.",
      mend: "Set PARLOR_TRUST_PROXIES to the number of proxies in front, or list the address in PARLOR_ORIGINS.",
    };
  }
  return {
    cause: "Something on the way refuses or cuts requests to /socket.io/.",
    mend: "Let GET and POST to /socket.io/ through to the server, unchanged and unbuffered.",
  };
}
