// HTTP long-polling in one of many tabs (poll-budget.js says why). A tab that may hold its poll polls as socket.io-client
// does. Any other tab asks the server not to wait (`hold`, in milliseconds) and pauses between its polls, unless an ack is
// awaited: own messages are confirmed as fast as in the other tabs, those of others come a moment later.

import { XHR } from "../vendor/socket.io-client/socket.io.esm.min.js";

const AWAITED_HOLD_MS = 500;
const VISIBLE_PAUSE_MS = 800;
const HIDDEN_PAUSE_MS = 4_000;
// The server answers a poll with 15 packets at most: after so many, more may be waiting.
const MAX_PACKETS = 15;
const SEPARATOR = "\u001e";

export class PacedPolling extends XHR {
  /** opts.pace: {budget, isAwaited()}. */
  constructor(opts) {
    super(opts);
    this.pace = opts.pace;
    this.timer = null;
    this.isHeld = false;
    this.isOver = false;
    this.wasFull = false;
    this.maxPauseMs = HIDDEN_PAUSE_MS;
    opts.socket.once("handshake", ({ pingTimeout }) => (this.maxPauseMs = pingTimeout / 4));
  }

  doPoll() {
    if (this.isOver) return;
    const { budget, isAwaited } = this.pace;
    if (this.readyState === "opening" || budget.mayHold) this.get();
    else if (isAwaited()) this.get(AWAITED_HOLD_MS);
    else if (this.wasFull) this.get(0);
    else this.timer = setTimeout(() => this.get(0), this.pauseMs);
  }

  /** Ends a pause: an ack is awaited, or the tab may hold its poll now. */
  hurry() {
    if (this.timer === null) return;
    this.stopPause();
    this.doPoll();
  }

  /** The page is being closed and has told the server so: no more polls. */
  stop() {
    this.isOver = true;
    this.stopPause();
  }

  onData(data) {
    this.isHeld = false;
    this.wasFull = data.split(SEPARATOR).length >= MAX_PACKETS;
    super.onData(data);
  }

  doClose() {
    this.stopPause();
    super.doClose();
  }

  get pauseMs() {
    return Math.min(this.pace.budget.isVisible ? VISIBLE_PAUSE_MS : HIDDEN_PAUSE_MS, this.maxPauseMs);
  }

  get(hold) {
    this.timer = null;
    if (this.readyState === "closed") return;
    this.isHeld = hold === undefined;
    if (!this.isHeld) this.query.hold = hold;
    super.doPoll();
    delete this.query.hold; // the address of a POST is made of the same query
  }

  stopPause() {
    clearTimeout(this.timer);
    this.timer = null;
  }
}
