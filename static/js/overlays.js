// What lies over the page for a moment (the drawer, the box for one's nickname, the choice of reactions), and the browser's
// Back: that takes away what lies over the page before it leaves the room. While anything does, the history has one entry
// more; Back spends it, and so does whatever else closes the overlay.

import { carryingRows } from "./tab-history.js";

export class Overlays {
  constructor(history = window.history) {
    this.history = history;
    this.open = new Map();
    if (this.hasEntry) history.back(); // reloaded under an overlay, which is gone
  }

  get hasEntry() {
    return Boolean(this.history.state?.overlay);
  }

  /** close() takes it away. */
  opened(name, close) {
    this.open.set(name, close);
    this.settleSoon();
  }

  closed(name) {
    if (this.open.delete(name)) this.settleSoon();
  }

  /** To another room: in place of the entry of an overlay, so that Back leads to where one came from. */
  push(url) {
    if (this.isGoingBack) this.waiting = url;
    else if (this.hasEntry) this.history.replaceState(this.state(), "", url);
    else this.history.pushState(this.state(), "", url);
  }

  /** After a popstate: was it one of an overlay, so that the room stays? */
  popped() {
    if (this.isGoingBack) {
      this.isGoingBack = false;
      if (this.waiting) this.history.pushState(this.state(), "", this.waiting);
      this.waiting = null;
      this.settleSoon();
      return true;
    }
    const [name, close] = [...this.open].at(-1) ?? [];
    if (!close || this.hasEntry) return false;
    this.open.delete(name);
    close();
    this.settleSoon();
    return true;
  }

  /** What a new entry holds: the rows of this tab go with it, where the history keeps them. */
  state(own = null) {
    return carryingRows(this.history.state, own);
  }

  /** When all that happens at once has happened: where one overlay follows the other, the entry stays. */
  settleSoon() {
    queueMicrotask(() => this.settle());
  }

  settle() {
    if (this.isGoingBack) return;
    if (this.open.size > 0 && !this.hasEntry) this.history.pushState(this.state({ overlay: true }), "");
    else if (this.open.size === 0 && this.hasEntry) {
      this.isGoingBack = true;
      this.history.back();
    }
  }
}
