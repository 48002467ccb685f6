// A whole session over server-sent events, where the operator offers them: a stream, CONNECT, round trips, close.

import { address, ask, clock, median, ms, roundTrips, textOf, withTimeout } from "./engineio.js";
import { t } from "../language.js";

export async function events() {
  const began = clock();
  const source = new EventSource(address("sse"));
  try {
    const receive = packetsOf(source);
    const [first] = await withTimeout(receive());
    const opened = clock() - began;
    const { sid } = JSON.parse(first.slice(1));
    const send = async (body) => textOf(await ask(address("sse", sid), { method: "POST", body }));
    await send("40");
    const times = await withTimeout(roundTrips(send, receive));
    await send("1").catch(() => null);
    return { verdict: "ok", seen: t("opens in {opened}, there and back in {time}", { opened: ms(opened), time: ms(median(times)) }) };
  } catch (error) {
    return {
      verdict: "bad",
      seen: error.message,
      cause: t("Something on the way collects answers before it passes them on, or cuts those that do not end."),
      mend: t("Switch buffering and compression off for /socket.io/, and let GET and POST there through unchanged."),
    };
  } finally {
    source.close();
  }
}

/** receive() gives the next packets. Rejects when the stream has broken. */
function packetsOf(source) {
  const come = [];
  let notify = () => undefined;
  let isBroken = false;
  source.onmessage = ({ data }) => {
    come.push(data);
    notify();
  };
  source.onerror = () => {
    isBroken = true;
    source.close();
    notify();
  };
  return async () => {
    while (come.length === 0) {
      if (isBroken) throw new Error(t("the stream broke"));
      await new Promise((done) => (notify = done));
    }
    return come.splice(0);
  };
}
