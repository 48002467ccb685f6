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

export class TransportChoice {
  /** offered: "websocket" and "polling" in the operator's order; webSocketBack() is called when the WebSocket works again. */
  constructor(offered, { storage, webSocketBack }) {
    Object.assign(this, { offered, storage, webSocketBack });
    this.canFallBack = offered[0] === "websocket" && offered.includes("polling");
    this.chosen = this.canFallBack && this.remembersPolling() ? ["polling"] : [...offered];
    this.probeDelay = FIRST_PROBE_MS;
    this.hadWebSocket = false;
    window.addEventListener("online", () => this.probe());
    if (this.isFallenBack) this.probeLater(this.probeDelay);
  }

  get options() {
    return {
      transports: this.chosen,
      tryAllTransports: true,
      upgrade: this.offered[0] === "polling",
      timeout: TIMEOUT_MS,
    };
  }

  get isFallenBack() {
    return this.canFallBack && this.chosen.length === 1;
  }

  /** An attempt failed. Answers whether the other transport is worth an attempt at once. */
  async failed() {
    if (!this.canFallBack || !(await isReachable())) return false;
    if (this.isFallenBack) this.chooseAll();
    else this.fallBack();
    return true;
  }

  /** A connection is up on this transport. */
  connected(transport) {
    if (transport === "websocket") {
      this.hadWebSocket = true;
      this.probeDelay = FIRST_PROBE_MS;
      this.storage.remove("polling-until");
    } else if (this.canFallBack) {
      if (!this.isFallenBack) this.fallBack();
      this.storage.set("polling-until", String(Date.now() + REMEMBER_MS));
    }
  }

  fallBack() {
    this.chosen = ["polling"];
    // After a WebSocket that worked a minute ago, a restart of the server is more likely than a proxy that blocks it.
    this.probeLater(this.hadWebSocket ? EARLY_PROBE_MS : this.probeDelay);
    this.hadWebSocket = false;
  }

  chooseAll() {
    clearTimeout(this.timer);
    this.chosen = [...this.offered];
    this.storage.remove("polling-until");
  }

  probeLater(delay) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), delay);
  }

  async probe() {
    if (!this.isFallenBack) return;
    if (await webSocketWorks()) {
      if (!this.isFallenBack) return;
      this.chooseAll();
      this.webSocketBack();
      return;
    }
    this.probeDelay = Math.min(this.probeDelay * 2, MAX_PROBE_MS);
    this.probeLater(this.probeDelay);
  }

  remembersPolling() {
    return isAhead(this.storage.get("polling-until"), Date.now(), REMEMBER_MS);
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
