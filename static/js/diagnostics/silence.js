// A while in which nobody says anything: some proxies cut lines that are silent, or old. Nothing passes but the server's own
// heartbeat, as in a chat at night. So this shows what the heartbeat keeps alive, not what a line would stand without it.

import { Line } from "./line.js";
import { open } from "./polling.js";
import { address, clock, PATIENCE, seconds } from "./speech.js";
import { greeted } from "./websocket.js";

const NORMAL = new Set([1000, 1001]); // RFC 6455, 7.4.1
const HOLD = [
  ["websocket", "Silent WebSocket", overWebSocket],
  ["polling", "Silent polling", overPolling],
];

/** A probe for each transport that is offered. `lasting`: milliseconds. */
export function silence(offered, lasting) {
  const held = HOLD.filter(([transport]) => offered.includes(transport));
  return held.map(([, name, hold]) => ({ name, probe: () => outcome(hold, lasting) }));
}

/** What becomes of a line that is held until it is cut or the time is over. */
async function outcome(hold, lasting) {
  const watch = new Watch(lasting);
  try {
    await hold(watch);
    return { isSilent: true, ...stood(watch) };
  } catch (end) {
    return { isSilent: true, ...(end instanceof Goodbye ? ended(watch) : broken(watch, end)) };
  }
}

async function overWebSocket(watch) {
  const line = new Line(address("websocket"));
  try {
    await line.open;
    const { pingInterval } = await greeted(line);
    await watch.keep(pingInterval, async (patience) => [await line.next(patience)], async (packet) => line.say(packet));
  } catch (error) {
    throw NORMAL.has(line.code) ? new Goodbye() : error;
  } finally {
    line.close();
  }
}

async function overPolling(watch) {
  const { pingInterval, hear, say } = await open();
  try {
    await watch.keep(pingInterval, hear, say);
  } catch (error) {
    throw /session/i.test(error.message) ? new Goodbye() : error; // it ended between two polls
  } finally {
    say("1").catch(() => null);
  }
}

/** When a line began, when it was heard last, and which silence it has stood. All in milliseconds. */
class Watch {
  constructor(lasting) {
    this.lasting = lasting;
  }

  get age() {
    return clock() - this.began;
  }

  get silent() {
    return clock() - this.heard;
  }

  /** Answers heartbeats until the time is over; then a word must still go there and back. */
  async keep(interval, hear, say) {
    Object.assign(this, { interval, began: clock(), heard: clock(), longest: 0 });
    const over = setTimeout(() => say(`421["echo",{}]`).catch(() => null), this.lasting);
    try {
      while (!(await this.take(hear, say)).some((packet) => packet.startsWith("431"))) continue;
    } finally {
      clearTimeout(over);
    }
  }

  async take(hear, say) {
    const packets = await hear(this.interval + PATIENCE);
    this.longest = Math.max(this.longest, this.silent);
    this.heard = clock();
    if (packets.includes("1")) throw new Goodbye();
    if (packets.includes("2")) await say("3");
    return packets;
  }
}

class Goodbye extends Error {}

function stood({ lasting, interval }) {
  return {
    verdict: "ok",
    seen: `held for ${seconds(lasting)} with nothing but the server's heartbeat, every ${seconds(interval)}`,
  };
}

function ended({ age }) {
  return {
    verdict: "ok",
    seen: `closed in good order after ${seconds(age)}: by PARLOR_MAX_CONNECTION_AGE, or the server was restarted`,
  };
}

function broken(watch, { message }) {
  const { interval, silent, longest } = watch;
  if (interval === undefined) return { verdict: "unknown", seen: `could not begin: ${message}` };
  if (silent > interval + PATIENCE / 2) return forgotten(watch);
  return { verdict: "bad", seen: cutAfter(watch), ...(silent > longest ? tooSilent(watch) : tooOld(watch)) };
}

function forgotten({ age, silent, interval }) {
  return {
    verdict: "bad",
    seen: `dead after ${seconds(age - silent)}: no heartbeat came any more, and nobody said that it is cut`,
    cause: "Something on the way has forgotten the line, without a word to either end.",
    mend: `Set PARLOR_PING_INTERVAL below ${seconds(interval)}: then it is never silent for long.`,
  };
}

function cutAfter({ age, silent }) {
  return `cut after ${seconds(age)}, when nothing had passed for ${seconds(silent)}`;
}

function tooSilent({ silent, interval }) {
  return {
    cause: "Something on the way cuts lines that are silent for so long, before the next heartbeat.",
    mend: `Let it wait longer than ${seconds(interval)}, or set PARLOR_PING_INTERVAL below ${seconds(silent)}.`,
  };
}

function tooOld({ age, longest }) {
  return {
    cause: `It had stood ${seconds(longest)} of silence before: rather than silent lines, something on the way cuts old ones.`,
    mend: `Let it keep them longer, or set PARLOR_MAX_CONNECTION_AGE below ${seconds(age)}: then nobody notices.`,
  };
}
