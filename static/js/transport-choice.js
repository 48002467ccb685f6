// Which transport to use. The operator's setting gives the transports and their order. With WebSocket first, socket.io-client
// does not fall back by itself where a handshake hangs, or where a proxy answers 101 and then drops the frames; this does.
// The transport that works is remembered for a while, and a probe finds out when the WebSocket works again.

import { sitePath } from "./base.js";
import { deadline } from "./deadline.js";
import { isAhead } from "./storage-readers.js";

const REMEMBER_MS = 30 * 60_000;
const FIRST_PROBE_MS = 10 * 60_000;
const EARLY_PROBE_MS = 20_000;
const MAX_PROBE_MS = 2 * 60 * 60_000;
const TIMEOUT_MS = 4_000;
const CONNECT_MS = 10_000;
const SHORT_CONNECT_MS = 6_000;
// A poll is held for a heartbeat of 20 s or so: connections that end before have not seen one through.
const SHORT_MS = 15_000;
const MAX_SHORT_POLLS = 2;

/** What to try, one after the other: all but server-sent events in the operator's order, polling alone, then those. */
export function stepsOf(offered) {
  const usual = offered.filter((name) => name !== "sse");
  const steps = usual.length ? [usual] : [];
  if (usual[0] === "websocket" && usual.includes("polling")) steps.push(["polling"]);
  if (offered.includes("sse")) steps.push(["sse"]);
  return steps;
}

export class TransportChoice {
  /** offered: "websocket", "polling", "sse" in the operator's order; webSocketBack() is called when the WebSocket works again. */
  constructor(offered, { storage, webSocketBack }) {
    Object.assign(this, { offered, storage, webSocketBack, steps: stepsOf(offered) });
    this.step = Math.max(0, this.steps.map((names, index) => index > 0 && this.remembers(names[0])).lastIndexOf(true));
    this.probeDelay = FIRST_PROBE_MS;
    this.hadWebSocket = false;
    this.shortPolls = 0;
    window.addEventListener("online", () => this.probe());
    if (this.isFallenBack) this.probeLater(this.probeDelay);
  }

  get options() {
    return {
      transports: this.steps[this.step],
      tryAllTransports: true,
      upgrade: this.offered[0] === "polling",
      timeout: TIMEOUT_MS,
    };
  }

  get isFallenBack() {
    return this.step > 0;
  }

  /** How long the server may take to answer CONNECT: less where there is yet another transport to try. */
  get connectTimeout() {
    return this.steps.at(-1)[0] === "sse" && this.step < this.steps.length - 1 ? SHORT_CONNECT_MS : CONNECT_MS;
  }

  /** An attempt failed, on this transport at last. Answers whether another one is worth an attempt at once. */
  async failed(transport) {
    if (this.steps.length === 1 || !(await isReachable())) return false;
    const tried = Math.max(this.step, this.steps.findIndex((names) => names.length === 1 && names[0] === transport));
    this.goTo((tried + 1) % this.steps.length);
    return true;
  }

  /** A connection is up on this transport. */
  connected(transport) {
    if (transport === "websocket") {
      this.hadWebSocket = true;
      this.probeDelay = FIRST_PROBE_MS;
      this.forget();
      return;
    }
    const step = this.steps.findIndex((names, index) => index > 0 && names[0] === transport);
    if (step < 0) return;
    if (step !== this.step) this.goTo(step);
    this.storage.set(`${transport}-until`, String(Date.now() + REMEMBER_MS));
  }

  /** A connection broke after so long. Where polls begin well and never last, something cuts or keeps them. */
  broke(transport, lastedMs) {
    this.shortPolls = transport === "polling" && lastedMs < SHORT_MS ? this.shortPolls + 1 : 0;
    if (this.shortPolls < MAX_SHORT_POLLS || this.steps.at(-1)[0] !== "sse") return;
    this.shortPolls = 0;
    this.goTo(this.steps.length - 1);
  }

  goTo(step) {
    this.step = step;
    clearTimeout(this.timer);
    if (step === 0) this.forget();
    // After a WebSocket that worked a minute ago, a restart of the server is more likely than a proxy that blocks it.
    else this.probeLater(this.hadWebSocket ? EARLY_PROBE_MS : this.probeDelay);
    this.hadWebSocket = false;
  }

  forget() {
    for (const names of this.steps.slice(1)) this.storage.remove(`${names[0]}-until`);
  }

  probeLater(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), delay);
  }

  async probe() {
    if (!this.isFallenBack || !this.offered.includes("websocket")) return;
    if (await webSocketWorks()) {
      if (!this.isFallenBack) return;
      this.goTo(0);
      this.webSocketBack();
      return;
    }
    this.probeDelay = Math.min(this.probeDelay * 2, MAX_PROBE_MS);
    this.probeLater(this.probeDelay);
  }

  remembers(transport) {
    return isAhead(this.storage.get(`${transport}-until`), Date.now(), REMEMBER_MS);
  }
}

/** If /healthz does not answer either, the server or the network is down, and the transport is not the cause. */
async function isReachable() {
  try {
    const answer = await fetch(sitePath("/healthz"), { cache: "no-store", signal: deadline(TIMEOUT_MS) });
    return answer.ok;
  } catch {
    return false;
  }
}

/** Sends a frame and waits for its echo: some proxies answer 101 and drop what follows. Never rejects. */
function webSocketWorks() {
  const tried = new Promise((answer) => {
    const socket = new WebSocket(new URL(sitePath("/ws/echo"), location.href.replace(/^http/, "ws")));
    const timer = setTimeout(() => settle(false), TIMEOUT_MS);
    const settle = (works) => {
      clearTimeout(timer);
      answer(works);
      socket.close();
    };
    socket.onopen = () => socket.send("probe");
    socket.onmessage = () => settle(true);
    socket.onerror = () => settle(false);
    socket.onclose = () => settle(false);
  });
  return tried.catch(() => false);
}
