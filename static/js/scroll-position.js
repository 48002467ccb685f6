// The scroll position in the log, by the uppermost row in sight: kept while rows are added and removed, and restored.

export class ScrollPosition {
  /** log: the element that scrolls; list: the element with the rows in it. */
  constructor(log, list) {
    Object.assign(this, { log, list });
    this.forgetEnd();
  }

  /** Runs change(); the uppermost row in sight stays where it is. */
  keep(change) {
    const anchor = this.topRow();
    const before = anchor?.getBoundingClientRect().top;
    change();
    if (anchor?.isConnected) this.log.scrollTop += anchor.getBoundingClientRect().top - before;
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.noteEnd();
  }

  /** The log is at its end, as it is now: its rows have become smaller, say. */
  noteEnd() {
    this.end = this.log.scrollTop;
  }

  /** The log is to be at its end, wherever it is now. */
  forgetEnd() {
    this.end = 0;
  }

  /** True where the reader has scrolled up from the end since `toEnd`; the event that says so comes a frame later. */
  hasLeftEnd(near) {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    return scrollTop < this.end && scrollHeight - scrollTop - clientHeight >= near;
  }

  /** {seq, offset} of the uppermost row in sight. */
  now() {
    const row = this.topRow();
    return row && { seq: Number(row.dataset.seq), offset: this.offsetOf(row) };
  }

  to(row, offset) {
    this.log.scrollTop += this.offsetOf(row) - offset;
  }

  offsetOf(row) {
    return row.getBoundingClientRect().top - this.log.getBoundingClientRect().top;
  }

  topRow() {
    const edge = this.log.getBoundingClientRect().top;
    const rows = this.list.children;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= edge) low = middle + 1;
      else high = middle;
    }
    return rows[low];
  }
}
