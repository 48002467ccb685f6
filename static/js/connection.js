// The connection to the server: sends verbs, receives events, reconnects. socket.io's own reconnection and its buffer are
// off: the outbox is the only queue, and the person sees when the next attempt comes.

import { io, WebSocket as WebSocketTransport } from "../vendor/socket.io-client/socket.io.esm.min.js";
import { pauseAfter } from "./backoff.js";
import { sitePath } from "./base.js";
import { EventStream } from "./event-stream.js";
import { newId } from "./outbox.js";
import { PacedPolling } from "./paced-polling.js";
import { openChannel, PollBudget, TOUCH_EVERY_MS } from "./poll-budget.js";
import { TransportChoice } from "./transport-choice.js";

const ACK_TIMEOUT_MS = 10_000;
const ALIVE_TIMEOUT_MS = 3_000;
// A connection that drops at once is as bad as none: only one that lasts so long makes the next pause short again.
const STEADY_AFTER_MS = 5_000;
const MEASURE_EVERY_MS = 30_000;
const TRANSPORTS = { websocket: WebSocketTransport, polling: PacedPolling, sse: EventStream };
// RFC 6455, 7.4.1: normal, going away. A poll has no such code; there, it is Engine.IO's CLOSE that ends a transport.
const NORMAL_CLOSE_CODES = new Set([1000, 1001, undefined]);

export class Connection {
  /** auth() gives the handshake's object; received(event, payload) takes the server's events; changed(status) the state. */
  constructor({ transports, storage, auth, received, changed }) {
    this.changed = changed;
    this.wanted = false;
    this.failures = 0;
    this.choice = new TransportChoice(transports, { storage, webSocketBack: () => this.drop() });
    this.switches = 0; // to other transports since the last connection, without a pause
    this.openAsks = 0;
    this.isWelcome = false;
    this.budget = new PollBudget({
      channel: openChannel(),
      id: newId(),
      visible: !document.hidden,
      unlimited: isMultiplexed(),
      changed: () => this.pollBudgetChanged(),
    });
    setInterval(() => this.budget.touch(), TOUCH_EVERY_MS);
    this.socket = io({ path: sitePath("/socket.io/"), autoConnect: false, reconnection: false, auth: (give) => give(auth()), ...this.options });
    this.socket.on("connect", () => this.onConnect());
    this.socket.on("connect_error", ({ data }) => (data?.retry_after ? this.onRefusal(data) : this.onFailure()));
    this.socket.on("disconnect", (reason, details) => this.onDisconnect(reason, details));
    this.socket.onAny((event, payload) => {
      this.isWelcome = true;
      received(event, payload);
    });
    this.watchBrowser();
  }

  get isConnected() {
    return this.socket.connected;
  }

  get options() {
    const { transports, ...options } = this.choice.options;
    const pace = { budget: this.budget, isAwaited: () => this.openAsks > 0 || !this.isWelcome };
    return { ...options, transports: transports.map((name) => TRANSPORTS[name]), transportOptions: { polling: { pace }, sse: { pace } } };
  }

  get transport() {
    return this.socket.io.engine?.transport;
  }

  /** The ack of a verb. Rejects where there is no connection, or no ack in time; nothing is ever buffered. */
  ask(verb, payload, timeout = ACK_TIMEOUT_MS) {
    if (!this.isConnected) return Promise.reject(new Error("not connected"));
    this.openAsks += 1;
    const answer = this.socket.timeout(timeout).emitWithAck(verb, payload);
    this.transport.hurry?.();
    return answer.finally(() => (this.openAsks -= 1));
  }

  get engine() {
    return this.socket.io.engine;
  }

  /** Come anew at once, with the cookie that the browser has now; nothing where `engine` is the present one no longer. */
  again(engine) {
    if (engine !== this.engine) return;
    this.drop();
    this.retry();
  }

  start() {
    this.wanted = true;
    this.connect();
  }

  /** Now, and with short pauses again: the person asked for it, or the network came back. */
  retry() {
    this.failures = 0;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    if (!this.wanted || this.isConnected || this.isConnecting) return;
    this.isConnecting = true;
    this.isWelcome = false;
    Object.assign(this.socket.io.opts, this.options);
    this.report({ state: "connecting" });
    this.socket.connect();
    this.timer = setTimeout(() => this.onConnectTimeout(), this.choice.connectTimeout);
  }

  /** The transport is up, but the server does not answer CONNECT. */
  onConnectTimeout() {
    this.socket.disconnect();
    if (this.isConnecting) this.onFailure();
  }

  onConnect() {
    clearTimeout(this.timer);
    this.isConnecting = false;
    this.switches = 0;
    this.connectedAt = performance.now();
    this.steadyTimer = setTimeout(() => (this.failures = 0), STEADY_AFTER_MS);
    const engine = this.socket.io.engine;
    this.onTransport(engine.transport.name);
    engine.on("upgrade", (transport) => {
      this.onTransport(transport.name);
      this.measure();
    });
    this.measure();
  }

  onTransport(transport) {
    this.choice.connected(transport);
    if (transport === "websocket") this.budget.leave();
    else this.budget.join();
    this.report({ state: "connected", transport });
  }

  /** The server is there and says no: another transport, or an earlier attempt, would not help. */
  onRefusal(refusal) {
    clearTimeout(this.timer);
    this.isConnecting = false;
    this.switches = 0;
    this.reconnectLater(refusal);
  }

  async onFailure() {
    clearTimeout(this.timer);
    const hasOther = await this.choice.failed(this.transport?.name);
    this.isConnecting = false;
    if (hasOther && this.switches < this.choice.steps.length - 1) {
      this.switches += 1;
      this.connect();
    } else {
      this.switches = 0;
      this.reconnectLater();
    }
  }

  onDisconnect(reason, details) {
    this.socket.sendBuffer = [];
    clearTimeout(this.steadyTimer);
    clearTimeout(this.measureTimer);
    this.budget.leave();
    if (isNormalClose(reason, details)) this.failures = 0;
    else this.choice.broke(this.transport?.name, performance.now() - this.connectedAt);
    if (this.isConnecting) this.onFailure();
    else this.reconnectLater();
  }

  /**
   * After a random pause that grows with each failure: after a restart of the server not all clients come at once. Not
   * before the time that a refusal names (in seconds).
   */
  reconnectLater({ text, retry_after = 0 } = {}) {
    if (!this.wanted) return;
    const pause = Math.max(pauseAfter(this.failures), retry_after * 1_000);
    this.failures += 1;
    this.report({ state: navigator.onLine ? "waiting" : "offline", until: Date.now() + pause, sentence: text });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  /**
   * Drops the present connection, to reconnect on a better one. Without the DISCONNECT packet that socket.disconnect() sends:
   * the others would see that this person left. (Closing the engine alone would wait for a hanging poll.)
   */
  drop() {
    if (this.isConnected) this.socket.io.disconnect();
  }

  watchBrowser() {
    document.addEventListener("visibilitychange", () => {
      this.budget.show(!document.hidden);
      if (!document.hidden) this.check();
    });
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.check());
    window.addEventListener("online", () => this.check());
    window.addEventListener("offline", () => this.drop());
    window.addEventListener("pagehide", () => this.onPageHide());
  }

  /** After a hidden tab, a sleep, a tunnel: a connection that looks alive may be long dead. */
  async check() {
    if (!this.wanted) return;
    if (!this.isConnected) {
      this.retry();
      return;
    }
    const engine = this.socket.io.engine;
    const alive = await this.ask("echo", {}, ALIVE_TIMEOUT_MS).catch(() => null);
    if (!alive && engine === this.socket.io.engine) this.drop();
  }

  /** Other tabs now poll before this one, or no longer do. The answer to `echo` ends a poll that the server holds. */
  pollBudgetChanged() {
    if (!this.isConnected || this.transport.name !== "polling") return;
    if (this.budget.mayHold) this.transport.hurry();
    else if (this.transport.isHeld) this.ask("echo", {}).catch(() => null);
  }

  /** A closed tab closes its WebSocket. Other transports are closed by a beacon: else the person would be shown for a while. */
  onPageHide() {
    this.budget.leave();
    const engine = this.socket.io.engine;
    if (!this.isConnected || engine.transport.name === "websocket") return;
    navigator.sendBeacon(`${sitePath("/socket.io/")}?EIO=4&transport=${engine.transport.name}&sid=${engine.id}`, "1");
    engine.transport.stop();
  }

  async measure() {
    clearTimeout(this.measureTimer);
    const start = performance.now();
    const answer = document.hidden ? null : await this.ask("echo", {}).catch(() => null);
    if (!this.isConnected) return;
    if (answer?.ok) this.report({ ...this.status, latency: Math.round(performance.now() - start) });
    clearTimeout(this.measureTimer);
    this.measureTimer = setTimeout(() => this.measure(), MEASURE_EVERY_MS);
  }

  report(status) {
    this.status = status;
    this.changed(status);
  }
}

/** Over HTTP/2 and 3 all requests of a browser share one connection. */
function isMultiplexed() {
  return /^h[23]/.test(performance.getEntriesByType("navigation")[0]?.nextHopProtocol);
}

/** The server closed the connection in good order: it had reached its maximum age, or the server restarts. */
function isNormalClose(reason, details) {
  return reason === "transport close" && NORMAL_CLOSE_CODES.has(details?.context?.code);
}
