// Server-sent events as a transport: one request that stays open brings every packet, POSTs take what is said. For networks
// that cut WebSockets and hold long polls back. It is polling without polls, so socket.io-client's own does the rest.

import { XHR } from "../vendor/socket.io-client/socket.io.esm.min.js";

export class EventStream extends XHR {
  /** opts.pace: {budget}. */
  constructor(opts) {
    super(opts);
    this.budget = opts.pace.budget;
  }

  get name() {
    return "sse";
  }

  doOpen() {
    if (!this.budget.mayStream) {
      setTimeout(() => this.onError("too many tabs have a stream"));
      return;
    }
    this.source = new EventSource(this.uri());
    this.source.onmessage = ({ data }) => this.onData(data);
    this.source.onerror = () => this.onBroken();
  }

  /** The session has ended with it: no coming again by itself. */
  onBroken() {
    this.stop();
    this.onError("the stream broke");
  }

  doPoll() {
    // Packets come by themselves.
  }

  doClose() {
    this.stop();
    super.doClose();
  }

  onClose(details) {
    this.stop();
    super.onClose(details);
  }

  stop() {
    this.source?.close();
  }
}
