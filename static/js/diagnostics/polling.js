// A whole session over polling: open, join, words there and back, close.

import { address, ask, clock, median, ms, rounds, short, textOf } from "./speech.js";

export async function polling(offered) {
  if (!offered.includes("polling")) return { verdict: "unknown", seen: "switched off by the operator" };
  try {
    const began = clock();
    const session = await open();
    const opened = clock() - began;
    const times = await rounds(session.say, session.hear);
    await session.say("1").catch(() => null);
    return { verdict: "ok", seen: `opens in ${ms(opened)}, there and back in ${ms(median(times))}` };
  } catch (error) {
    return { verdict: "bad", seen: error.message, ...whyNot(error.message) };
  }
}

/** A session that has said CONNECT: {sid, pingInterval, say(packet), hear(patience)}. */
export async function open() {
  const answer = await ask(address("polling"));
  const text = await answer.text();
  if (!text.startsWith("0{")) throw new Error(`the handshake is answered ${answer.status}: ${short(text)}`);
  const { sid, pingInterval } = JSON.parse(text.slice(1));
  const say = async (body) => textOf(await ask(address("polling", sid), { method: "POST", body }));
  const hear = async (patience) => (await textOf(await ask(address("polling", sid), { patience }))).split("\u001e");
  await say("40");
  return { sid, pingInterval, say, hear };
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
