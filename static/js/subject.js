// What the composer is about: a new message (null), an answer to one, or the edit of one's own. Kept per room over a reload,
// and shown as a line above the box.

export class Subject {
  /** cancelled() hears the cross of the line. */
  constructor({ storage, cancelled }) {
    this.storage = storage;
    this.line = document.getElementById("subject");
    this.line.querySelector("button").addEventListener("click", cancelled);
    // The keyboard of a phone stays open.
    this.line.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get isEdit() {
    return this.now?.verb === "edit";
  }

  /** Where the words are kept: an edit has a place of its own, so the draft behind it stays as it is. */
  get slot() {
    return `${this.isEdit ? "edited" : "draft"}:${this.room}`;
  }

  show(room) {
    this.room = room;
    this.now = parsed(this.storage.get(`subject:${room}`));
    this.draw();
  }

  /** {verb: "reply" | "edit", seq, nickname, text} */
  be(now) {
    if (this.isEdit) this.storage.remove(this.slot);
    this.now = now;
    this.storage.set(`subject:${this.room}`, JSON.stringify(now));
    this.draw();
  }

  /** A new message again. Answers what it was about until now. */
  end() {
    const { now } = this;
    if (this.isEdit) this.storage.remove(this.slot);
    this.now = null;
    this.storage.remove(`subject:${this.room}`);
    this.draw();
    return now;
  }

  /** An edit that was saved after one went to another room. */
  endElsewhere(room, slot) {
    if (slot === `edited:${room}` && this.storage.get(slot) === null) this.storage.remove(`subject:${room}`);
  }

  draw() {
    const [title, text] = this.line.querySelectorAll("span");
    this.line.hidden = !this.now;
    this.line.dataset.verb = this.now?.verb ?? "";
    [title.textContent, text.textContent] = this.now ? SAID[this.now.verb](this.now) : ["", ""];
  }
}

const SAID = {
  edit: () => ["Editing", "· Esc to cancel"],
  reply: ({ nickname, text }) => [`Replying to ${nickname}:`, text],
};

function parsed(text) {
  try {
    const subject = JSON.parse(text);
    return subject && Object.hasOwn(SAID, subject.verb) ? subject : null;
  } catch {
    return null;
  }
}
