// A time in which nobody says anything: some proxies cut connections that are silent, or old. Nothing passes but the server's
// heartbeat, as in a chat at night. So this shows what the heartbeat keeps alive, not how long a silent connection lasts.

import { address, clock, seconds, TIMEOUT_MS } from "./engineio.js";
import { open } from "./polling.js";
import { connectNamespace } from "./websocket.js";
import { WebSocketClient } from "./websocket-client.js";
import { t } from "../language.js";

const NORMAL_CLOSE_CODES = new Set([1000, 1001]); // RFC 6455, 7.4.1
const TRANSPORTS = [
  ["websocket", "Silent WebSocket", holdWebSocket],
  ["polling", "Silent polling", holdPolling],
];

/** A probe for each transport that is offered. */
export function silence(offered, durationMs) {
  const tested = TRANSPORTS.filter(([transport]) => offered.includes(transport));
  return tested.map(([, name, hold]) => ({ name, probe: () => probe(hold, durationMs) }));
}

/** Holds a connection until it is cut or the time is over. */
async function probe(hold, durationMs) {
  const watch = new Watch(durationMs);
  try {
    await hold(watch);
    return { isSilent: true, ...held(watch) };
  } catch (end) {
    return { isSilent: true, ...(end instanceof ClosedByServer ? closed(watch) : cut(watch, end)) };
  }
}

async function holdWebSocket(watch) {
  const socket = new WebSocketClient(address("websocket"));
  try {
    await socket.open;
    const { pingInterval } = await connectNamespace(socket);
    await watch.hold(pingInterval, async (timeout) => [await socket.next(timeout)], async (packet) => socket.send(packet));
  } catch (error) {
    throw NORMAL_CLOSE_CODES.has(socket.code) ? new ClosedByServer() : error;
  } finally {
    socket.close();
  }
}

async function holdPolling(watch) {
  const { pingInterval, receive, send } = await open();
  try {
    await watch.hold(pingInterval, receive, send);
  } catch (error) {
    throw /session/i.test(error.said ?? "") ? new ClosedByServer() : error; // it was closed between two polls
  } finally {
    send("1").catch(() => null);
  }
}

/** When a connection began, when the last packet came, the longest silence that a heartbeat ended, and the line's round trip. All in milliseconds. */
class Watch {
  constructor(durationMs) {
    Object.assign(this, { durationMs, began: clock(), longest: 0, roundTrip: 0 });
  }

  get age() {
    return clock() - this.began;
  }

  get silent() {
    return clock() - this.receivedAt;
  }

  /** Answers heartbeats until the time is over; then one more `echo` must be answered. */
  async hold(interval, receive, send) {
    Object.assign(this, { interval, began: clock(), receivedAt: clock() });
    const over = setTimeout(() => send(`421["echo",{}]`).catch(() => null), this.durationMs);
    try {
      while (!(await this.next(receive, send)).some((packet) => packet.startsWith("431"))) continue;
    } finally {
      clearTimeout(over);
    }
  }

  async next(receive, send) {
    const packets = await receive(this.interval + TIMEOUT_MS + this.roundTrip);
    if (packets.some((packet) => packet.startsWith("40"))) this.roundTrip = this.silent; // CONNECT and its answer: no silence
    else if (packets.includes("2")) this.longest = Math.max(this.longest, this.silent);
    this.receivedAt = clock();
    if (packets.includes("1")) throw new ClosedByServer();
    if (packets.includes("2")) await send("3");
    return packets;
  }
}

class ClosedByServer extends Error {}

function held({ durationMs, interval }) {
  return {
    verdict: "ok",
    seen: t("held for {time} with nothing but the server's heartbeat, every {interval}", { time: seconds(durationMs), interval: seconds(interval) }),
  };
}

function closed({ age }) {
  return {
    verdict: "ok",
    seen: t("closed in good order after {time}: by PARLOR_MAX_CONNECTION_AGE, or the server was restarted", { time: seconds(age) }),
  };
}

/**
 * A heartbeat's answer and the news of the cut each need a way: what cuts saw a silence that was shorter than ours by up to a
 * round trip. A line that had stood as much before was not cut for its silence.
 */
function cut(watch, { message }) {
  const { interval, silent, longest, roundTrip } = watch;
  if (interval === undefined) return { verdict: "unknown", seen: t("could not begin: {why}", { why: message }) };
  if (silent > interval + TIMEOUT_MS / 2 + roundTrip) return dropped(watch);
  const isSilence = longest === 0 || silent - roundTrip > longest;
  return { verdict: "bad", seen: cutAfter(watch), ...(isSilence ? tooSilent(watch) : tooOld(watch)) };
}

function dropped({ age, silent, interval }) {
  return {
    verdict: "bad",
    seen: t("dead after {time}: no heartbeat came any more, and nobody said that it is cut", { time: seconds(age - silent) }),
    cause: t("Something on the way has forgotten the line, without a word to either end."),
    mend: t("Set PARLOR_PING_INTERVAL below {time}: then it is never silent for long.", { time: seconds(interval) }),
  };
}

function cutAfter({ age, silent }) {
  return t("cut after {time}, when nothing had passed for {silent}", { time: seconds(age), silent: seconds(silent) });
}

function tooSilent({ silent, roundTrip, interval }) {
  const stood = Math.max(Math.min(silent, 1_000), silent - roundTrip);
  return {
    cause: t("Something on the way cuts lines that are silent for so long, before the next heartbeat."),
    mend: t("Let it wait longer than {interval}, or set PARLOR_PING_INTERVAL below {silent}.", { interval: seconds(interval), silent: seconds(stood) }),
  };
}

function tooOld({ age, longest }) {
  return {
    cause: t("It had stood {time} of silence before: rather than silent lines, something on the way cuts old ones.", { time: seconds(longest) }),
    mend: t("Let it keep them longer, or set PARLOR_MAX_CONNECTION_AGE below {time}: then nobody notices.", { time: seconds(age) }),
  };
}
