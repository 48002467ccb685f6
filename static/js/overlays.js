// Overlays (the drawer, the nickname dialog, the picker of reactions) and the browser's Back, which closes an overlay before
// it leaves the room. While any is open, the history has one more entry; Back, or closing the overlay, removes it.

import { carryingRows } from "./tab-history.js";

export class Overlays {
  constructor(history = window.history) {
    this.history = history;
    this.open = new Map();
    this.waiters = [];
    if (this.hasEntry) history.back(); // the page was reloaded while an overlay was open
  }

  get hasEntry() {
    return Boolean(this.history.state?.overlay);
  }

  /** close() closes the overlay. */
  opened(name, close) {
    this.open.set(name, close);
    this.settleSoon();
  }

  closed(name) {
    if (this.open.delete(name)) this.settleSoon();
  }

  /** An entry for another room; it replaces that of an overlay, so that Back leads to the room before. */
  push(url) {
    if (this.isGoingBack) this.waiting = url;
    else if (this.hasEntry) this.history.replaceState(this.state(), "", url);
    else this.history.pushState(this.state(), "", url);
  }

  /** After a popstate: true where the entry was an overlay's, so that the room stays. */
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

  /** call() once no step of the history's is on its way, which would end the loading of another page. */
  whenSettled(call) {
    this.waiters.push(call);
    this.settleSoon();
  }

  /** The state of a new entry: with the tab's rows, where the history holds them (tab-history.js). */
  state(own = null) {
    return carryingRows(this.history.state, own);
  }

  /** At the end of the present task: where one overlay replaces another, the entry stays. */
  settleSoon() {
    queueMicrotask(() => this.settle());
  }

  settle() {
    if (this.isGoingBack) return;
    if (this.open.size > 0 && !this.hasEntry) this.history.pushState(this.state({ overlay: true }), "");
    else if (this.open.size === 0 && this.hasEntry) {
      this.isGoingBack = true;
      this.history.back();
      return;
    }
    for (const call of this.waiters.splice(0)) call();
  }
}
