// The one line to the server: it asks, it hears, it comes back by itself. socket.io's own reconnection and offline buffer
// are off: the outbox is the only queue, and the times of coming back are told to the person.

import { io, WebSocket as WebSocketTransport } from "../vendor/socket.io-client/socket.io.esm.min.js";
import { pauseAfter } from "./backoff.js";
import { at } from "./base.js";
import { newId } from "./outbox.js";
import { PacedPolling } from "./paced-polling.js";
import { openChannel, PollBudget, TOUCH_EVERY_MS } from "./poll-budget.js";
import { Road } from "./road.js";

const ANSWER_WITHIN = 10_000;
const ALIVE_WITHIN = 3_000;
const WELCOME_WITHIN = 10_000;
// A line that stands and falls at once is as bad as none: only one that lasts makes the next pause short again.
const STEADY_AFTER = 5_000;
const MEASURE_EVERY = 30_000;
const TRANSPORTS = { websocket: WebSocketTransport, polling: PacedPolling };
// RFC 6455, 7.4.1: normal, going away. A poll has no such code; there, it is Engine.IO's CLOSE that ends a transport.
const GOODBYES = new Set([1000, 1001, undefined]);

export class Connection {
  /** auth() gives the handshake's object; hear(event, payload) takes the server's events; changed(status) the state. */
  constructor({ transports, storage, auth, hear, changed }) {
    this.changed = changed;
    this.wanted = false;
    this.failures = 0;
    this.road = new Road(transports, { storage, better: () => this.hangUp() });
    this.asking = 0;
    this.isWelcome = false;
    this.budget = new PollBudget({
      channel: openChannel(),
      id: newId(),
      visible: !document.hidden,
      unlimited: isMultiplexed(),
      changed: () => this.shareChanged(),
    });
    setInterval(() => this.budget.touch(), TOUCH_EVERY_MS);
    this.socket = io({ path: at("/socket.io/"), autoConnect: false, reconnection: false, auth: (give) => give(auth()), ...this.options });
    this.socket.on("connect", () => this.stands());
    this.socket.on("connect_error", () => this.missed());
    this.socket.on("disconnect", (reason, details) => this.fell(reason, details));
    this.socket.onAny((event, payload) => {
      this.isWelcome = true;
      hear(event, payload);
    });
    this.watchTheWorld();
  }

  get isConnected() {
    return this.socket.connected;
  }

  get options() {
    const { transports, ...options } = this.road.options;
    const pace = { budget: this.budget, isAwaited: () => this.asking > 0 || !this.isWelcome };
    return { ...options, transports: transports.map((name) => TRANSPORTS[name]), transportOptions: { polling: { pace } } };
  }

  get transport() {
    return this.socket.io.engine?.transport;
  }

  /** Rejects where there is no connection or no answer in time; never waits in a buffer. */
  ask(verb, payload, within = ANSWER_WITHIN) {
    if (!this.isConnected) return Promise.reject(new Error("not connected"));
    this.asking += 1;
    const answer = this.socket.timeout(within).emitWithAck(verb, payload);
    this.transport.hurry?.();
    return answer.finally(() => (this.asking -= 1));
  }

  start() {
    this.wanted = true;
    this.dial();
  }

  /** The person does not want to wait. */
  retry() {
    this.failures = 0;
    this.dial();
  }

  dial() {
    clearTimeout(this.timer);
    if (!this.wanted || this.isConnected || this.dialing) return;
    this.dialing = true;
    this.isWelcome = false;
    Object.assign(this.socket.io.opts, this.options);
    this.say({ state: "connecting" });
    this.socket.connect();
    this.timer = setTimeout(() => this.giveUp(), WELCOME_WITHIN);
  }

  /** The transport stands, but nobody answers behind it. */
  giveUp() {
    this.socket.disconnect();
    if (this.dialing) this.missed();
  }

  stands() {
    clearTimeout(this.timer);
    this.dialing = false;
    this.turned = false;
    this.steady = setTimeout(() => (this.failures = 0), STEADY_AFTER);
    const engine = this.socket.io.engine;
    this.use(engine.transport.name);
    engine.on("upgrade", (transport) => {
      this.use(transport.name);
      this.measure();
    });
    this.measure();
  }

  use(transport) {
    this.road.works(transport);
    if (transport === "polling") this.budget.join();
    else this.budget.leave();
    this.say({ state: "connected", transport });
  }

  async missed() {
    clearTimeout(this.timer);
    const another = await this.road.failed();
    this.dialing = false;
    if (another && !this.turned) {
      this.turned = true;
      this.dial();
    } else {
      this.turned = false;
      this.comeBack();
    }
  }

  fell(reason, details) {
    this.socket.sendBuffer = [];
    clearTimeout(this.steady);
    clearTimeout(this.measuring);
    this.budget.leave();
    if (isGoodbye(reason, details)) this.failures = 0;
    if (this.dialing) this.missed();
    else this.comeBack();
  }

  /** Each pause is longer and none the same, so that a restarted server is not met by everybody at once. */
  comeBack() {
    if (!this.wanted) return;
    const pause = pauseAfter(this.failures);
    this.failures += 1;
    this.say({ state: navigator.onLine ? "waiting" : "offline", until: Date.now() + pause });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.dial(), pause);
  }

  /**
   * Drops the line that stands, to come back on a better one. Without the goodbye that socket.disconnect() says: the others
   * would take it that one has left. (Closing the engine alone would wait for a hung poll.)
   */
  hangUp() {
    if (this.isConnected) this.socket.io.disconnect();
  }

  watchTheWorld() {
    document.addEventListener("visibilitychange", () => {
      this.budget.show(!document.hidden);
      if (!document.hidden) this.wake();
    });
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.wake());
    window.addEventListener("online", () => this.wake());
    window.addEventListener("offline", () => this.hangUp());
    window.addEventListener("pagehide", () => this.takeLeave());
  }

  /** Back from a hidden tab, a sleep, a tunnel: a line that looks alive may be long dead. */
  async wake() {
    if (!this.wanted) return;
    if (!this.isConnected) {
      this.retry();
      return;
    }
    const engine = this.socket.io.engine;
    const alive = await this.ask("echo", {}, ALIVE_WITHIN).catch(() => null);
    if (!alive && engine === this.socket.io.engine) this.hangUp();
  }

  /** Other tabs poll that have a better claim, or do no longer. What is asked ends the poll that the server holds. */
  shareChanged() {
    if (!this.isConnected || this.transport.name !== "polling") return;
    if (this.budget.mayHold) this.transport.hurry();
    else if (this.transport.isHeld) this.ask("echo", {}).catch(() => null);
  }

  /** A closed tab ends its WebSocket; a poll would leave a ghost behind until the ping timeout. */
  takeLeave() {
    this.budget.leave();
    const engine = this.socket.io.engine;
    if (!this.isConnected || engine.transport.name !== "polling") return;
    navigator.sendBeacon(`${at("/socket.io/")}?EIO=4&transport=polling&sid=${engine.id}`, "1");
    engine.transport.stop();
  }

  async measure() {
    clearTimeout(this.measuring);
    const start = performance.now();
    const back = document.hidden ? null : await this.ask("echo", {}).catch(() => null);
    if (!this.isConnected) return;
    if (back?.ok) this.say({ ...this.status, latency: Math.round(performance.now() - start) });
    clearTimeout(this.measuring);
    this.measuring = setTimeout(() => this.measure(), MEASURE_EVERY);
  }

  say(status) {
    this.status = status;
    this.changed(status);
  }
}

/** Over HTTP/2 and 3 all requests of a browser share one connection. */
function isMultiplexed() {
  return /^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol);
}

/** A line that the server closed in good order (it was old, or the server goes for a restart) was no bad one. */
function isGoodbye(reason, details) {
  return reason === "transport close" && GOODBYES.has(details?.context?.code);
}
