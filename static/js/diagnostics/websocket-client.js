// A WebSocket whose steps can be awaited, each with a time limit, and which remembers how far it got.

import { clock, TIMEOUT_MS, withTimeout } from "./engineio.js";
import { t } from "../language.js";

export class WebSocketClient {
  constructor(url) {
    Object.assign(this, { packets: [], wasOpen: false, received: false, closed: false, code: 0 });
    this.socket = new WebSocket(url.replace(/^http/, "ws"));
    this.open = withTimeout(new Promise((opened, failed) => this.listen(opened, failed)));
    this.open.catch(() => null);
  }

  listen(opened, failed) {
    this.socket.onopen = () => {
      this.wasOpen = true;
      opened();
    };
    this.socket.onmessage = ({ data }) => {
      this.received = true;
      this.packets.push(data);
      this.onChange?.();
    };
    this.socket.onclose = ({ code }) => {
      this.closed = true;
      this.code = code;
      failed(new Error(t("closed")));
      this.onChange?.();
    };
  }

  send(packet) {
    this.socket.send(packet);
  }

  /** The next packet. Rejects where the WebSocket is closed or nothing comes in time. */
  async next(timeout = TIMEOUT_MS) {
    const until = clock() + timeout;
    while (this.packets.length === 0) {
      if (this.closed) throw new Error(t("closed"));
      if (clock() >= until) throw new Error(t("nothing came"));
      await withTimeout(this.changed(), until - clock()).catch(() => null);
    }
    return this.packets.shift();
  }

  changed() {
    return new Promise((changed) => {
      this.onChange = changed;
    });
  }

  close() {
    this.socket.close();
  }
}
