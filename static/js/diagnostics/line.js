// A WebSocket whose every step is awaited, with an end, and which remembers how far it came.

import { clock, PATIENCE, within } from "./speech.js";

export class Line {
  constructor(url) {
    Object.assign(this, { packets: [], wasOpen: false, heard: false, closed: false, code: 0 });
    this.socket = new WebSocket(url.replace(/^http/, "ws"));
    this.open = within(new Promise((opened, failed) => this.listen(opened, failed)));
    this.open.catch(() => null);
  }

  listen(opened, failed) {
    this.socket.onopen = () => {
      this.wasOpen = true;
      opened();
    };
    this.socket.onmessage = ({ data }) => {
      this.heard = true;
      this.packets.push(data);
      this.stir?.();
    };
    this.socket.onclose = ({ code }) => {
      this.closed = true;
      this.code = code;
      failed(new Error("closed"));
      this.stir?.();
    };
  }

  say(packet) {
    this.socket.send(packet);
  }

  /** The next packet. Rejects where the line is closed or nothing comes in time. */
  async next(patience = PATIENCE) {
    const until = clock() + patience;
    while (this.packets.length === 0) {
      if (this.closed) throw new Error("closed");
      if (clock() >= until) throw new Error("nothing came");
      await within(this.stirred(), until - clock()).catch(() => null);
    }
    return this.packets.shift();
  }

  stirred() {
    return new Promise((stir) => {
      this.stir = stir;
    });
  }

  close() {
    this.socket.close();
  }
}
