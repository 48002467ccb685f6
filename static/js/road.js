// Which transport to take. The operator's flag gives the roads and their order; with WebSocket first, socket.io-client does
// not fall back by itself when a handshake hangs or a proxy answers 101 and then says nothing, so this does. What works
// here is remembered for a while, and a quiet probe finds out when the WebSocket works again.

import { at } from "./base.js";
import { deadline } from "./deadline.js";
import { isAhead } from "./stored.js";

const REMEMBERED = 30 * 60_000;
const FIRST_PROBE = 10 * 60_000;
const EARLY_PROBE = 20_000;
const LONGEST = 2 * 60 * 60_000;
const PATIENCE = 4_000;

export class Road {
  /** offered: "websocket" and "polling" in the operator's order; better() is called when the WebSocket works again. */
  constructor(offered, { storage, better }) {
    this.offered = offered;
    this.storage = storage;
    this.better = better;
    this.mayFall = offered[0] === "websocket" && offered.includes("polling");
    this.taken = this.mayFall && this.remembers() ? ["polling"] : [...offered];
    this.pause = FIRST_PROBE;
    this.hadWebSocket = false;
    window.addEventListener("online", () => this.probe());
    if (this.fallen) this.probeLater(this.pause);
  }

  get options() {
    return {
      transports: this.taken,
      tryAllTransports: true,
      upgrade: this.offered[0] === "polling",
      timeout: PATIENCE,
    };
  }

  get fallen() {
    return this.mayFall && this.taken.length === 1;
  }

  /** An attempt failed. Answers whether another road is worth trying at once. */
  async failed() {
    if (!this.mayFall || !(await isReachable())) return false;
    if (this.fallen) this.rise();
    else this.fall();
    return true;
  }

  /** A connection stands on this transport. */
  works(transport) {
    if (transport === "websocket") {
      this.hadWebSocket = true;
      this.pause = FIRST_PROBE;
      this.storage.remove("polling-until");
    } else if (this.mayFall) {
      if (!this.fallen) this.fall();
      this.storage.set("polling-until", String(Date.now() + REMEMBERED));
    }
  }

  fall() {
    this.taken = ["polling"];
    // Where a WebSocket worked a minute ago, it was rather the server restarting than a proxy in the way.
    this.probeLater(this.hadWebSocket ? EARLY_PROBE : this.pause);
    this.hadWebSocket = false;
  }

  rise() {
    clearTimeout(this.timer);
    this.taken = [...this.offered];
    this.storage.remove("polling-until");
  }

  probeLater(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.probe(), pause);
  }

  async probe() {
    if (!this.fallen) return;
    if (await webSocketWorks()) {
      if (!this.fallen) return;
      this.rise();
      this.better();
      return;
    }
    this.pause = Math.min(this.pause * 2, LONGEST);
    this.probeLater(this.pause);
  }

  remembers() {
    return isAhead(this.storage.get("polling-until"), Date.now(), REMEMBERED);
  }
}

/** If not even this answers, the server or the network is away and no transport is to blame. */
async function isReachable() {
  try {
    const answer = await fetch(at("/healthz"), { cache: "no-store", signal: deadline(PATIENCE) });
    return answer.ok;
  } catch {
    return false;
  }
}

/** A frame must go and come back: some proxies answer 101 and drop what follows. Never rejects. */
function webSocketWorks() {
  const tried = new Promise((answer) => {
    const socket = new WebSocket(new URL(at("/ws/echo"), location.href.replace(/^http/, "ws")));
    const timer = setTimeout(() => settle(false), PATIENCE);
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
