// HTTP long-polling for one of many tabs (poll-budget.js says why). A tab that may hold its poll polls as socket.io-client
// does. Another one asks the server not to wait (`hold`, in milliseconds) and pauses between its polls, unless an answer is
// awaited: what one says is confirmed as soon as in any other tab, what others say comes a moment later.

import { XHR } from "../vendor/socket.io-client/socket.io.esm.min.js";

const AWAITED_HOLD_MS = 500;
const VISIBLE_PAUSE_MS = 800;
const HIDDEN_PAUSE_MS = 4_000;
// The server gives 15 packets at most to one poll: after that many, more of them wait.
const FULL_ANSWER = 15;
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
    this.longestPause = HIDDEN_PAUSE_MS;
    opts.socket.once("handshake", ({ pingTimeout }) => (this.longestPause = pingTimeout / 4));
  }

  doPoll() {
    if (this.isOver) return;
    const { budget, isAwaited } = this.pace;
    if (this.readyState === "opening" || budget.mayHold) this.get();
    else if (isAwaited()) this.get(AWAITED_HOLD_MS);
    else if (this.wasFull) this.get(0);
    else this.timer = setTimeout(() => this.get(0), this.pauseMs);
  }

  /** An answer is awaited, or the tab may hold its poll by now: a pause ends. */
  hurry() {
    if (this.timer === null) return;
    this.stopPause();
    this.doPoll();
  }

  /** The page is going and has told the server so: the session is over, and nobody reads what another poll would bring. */
  stop() {
    this.isOver = true;
    this.stopPause();
  }

  onData(data) {
    this.isHeld = false;
    this.wasFull = data.split(SEPARATOR).length >= FULL_ANSWER;
    super.onData(data);
  }

  doClose() {
    this.stopPause();
    super.doClose();
  }

  get pauseMs() {
    return Math.min(this.pace.budget.isVisible ? VISIBLE_PAUSE_MS : HIDDEN_PAUSE_MS, this.longestPause);
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
