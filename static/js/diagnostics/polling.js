// A whole session over polling: handshake, CONNECT, round trips, close.

import { address, ask, clock, median, ms, refusal, roundTrips, short, textOf } from "./engineio.js";
import { t } from "../language.js";

export async function polling(offered) {
  if (!offered.includes("polling")) return { verdict: "unknown", seen: t("switched off by the operator") };
  try {
    const began = clock();
    const session = await open();
    const opened = clock() - began;
    const times = await roundTrips(session.send, session.receive);
    await session.send("1").catch(() => null);
    return { verdict: "ok", seen: t("opens in {opened}, there and back in {time}", { opened: ms(opened), time: ms(median(times)) }) };
  } catch (error) {
    return { verdict: "bad", seen: error.message, ...whyNot(error.said) };
  }
}

/** A session that has sent CONNECT: {sid, pingInterval, send(packet), receive(timeout)}. */
export async function open() {
  const answer = await ask(address("polling"));
  const text = await answer.text();
  if (!text.startsWith("0{")) throw refusal(t("the handshake is answered {status}: {text}", { status: answer.status, text: short(text) }), text);
  const { sid, pingInterval } = JSON.parse(text.slice(1));
  const send = async (body) => textOf(await ask(address("polling", sid), { method: "POST", body }));
  const receive = async (timeout) => {
    const packets = await textOf(await ask(address("polling", sid), { timeout }));
    if (packets === "") throw new Error(t("a poll is answered with nothing"));
    return packets.split("\u001e");
  };
  await send("40");
  return { sid, pingInterval, send, receive };
}

function whyNot(said = "") {
  if (/session/i.test(said)) {
    return {
      cause: t("The requests of one session do not reach the same process, or are answered from a cache."),
      mend: t("Run one process, or send each visitor to the same one (sticky sessions); let nothing cache /socket.io/."),
    };
  }
  if (/origin/i.test(said)) {
    return {
      cause: t("The server does not know this address for its own."),
      mend: t("Set PARLOR_TRUST_PROXIES to the number of proxies in front, or list the address in PARLOR_ORIGINS."),
    };
  }
  return {
    cause: t("Something on the way refuses or cuts requests to /socket.io/."),
    mend: t("Let GET and POST to /socket.io/ through to the server, unchanged and unbuffered."),
  };
}
