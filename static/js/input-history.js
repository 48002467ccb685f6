// Going back and forth in what one has said, Alt and an arrow in the message box. Pure.

export class InputHistory {
  constructor() {
    this.leave();
  }

  /** What is typed now is no longer one of these. */
  leave() {
    this.at = null;
    this.draft = "";
  }

  /** The text before (way -1) or after (way 1) the one that is shown; null where there is none. said: oldest first. */
  step(way, said, typed) {
    const texts = said.filter((text, at) => text !== said[at - 1]);
    if (this.at === null) {
      if (way > 0) return null;
      this.draft = typed;
      this.at = texts.length;
    }
    const to = this.at + way;
    if (to < 0 || to > texts.length) return null;
    this.at = to;
    if (to < texts.length) return texts[to];
    const { draft } = this;
    this.leave();
    return draft;
  }
}
