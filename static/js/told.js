// What this person is told besides what they look at: mentions, as marks in the list of rooms and as a list of their own.
// Connects the parts; each part's own file says what it does.

import { callsMe, MentionList, unreadCalls } from "./mentions.js";
import { MentionsDialog } from "./mentions-dialog.js";

const LOOK_MS = 2_000; // after a welcome: what the person came for goes first

export class Told {
  /**
   * ask(verb, payload) -> Promise of the ack, {ok: false} without a connection; jump(room, seq): shows a message of a room.
   */
  constructor({ me, local, rooms, unread, overlays, layout, drawer, ask, jump, wait }) {
    Object.assign(this, { me, rooms, unread, ask, jump, wait, waiting: null });
    const isRead = (name, seq) => Boolean(rooms.get(name)?.rev) && unread.position(rooms.get(name)).seq >= seq;
    this.list = new MentionList({ storage: local, isRead });
    this.button = document.getElementById("mentions-button");
    const seen = () => (this.list.seen(), this.drawButton());
    const dialog = new MentionsDialog({ overlays, layout, list: this.list, ask, jump: (room, seq) => this.show(room, seq), seen });
    this.button.addEventListener("click", () => (drawer.set(false), dialog.open()));
    local.watch((key) => key === "mentions-seen" && this.drawButton());
  }

  /** The server has said who this is. */
  async welcome() {
    await this.wait(LOOK_MS);
    const ack = await this.ask("mentions", { limit: 20 });
    if (!ack.ok) return;
    this.list.add(ack.messages, true);
    this.drawButton();
  }

  personChanged() {
    this.list.clear();
    this.welcome();
  }

  /** As a Room calls changed(). */
  changed(room, what, detail) {
    if (what === "message") this.messageChanged(room, detail);
    if (what === "live") this.showWaiting(room);
  }

  messageChanged({ name }, { message }) {
    const calls = callsMe(message, this.me);
    if (calls || message.edited || message.deleted) this.list.put({ ...message, room: name }, calls);
  }

  /** In the list of rooms, beside how many are unread. */
  draw(room, entry) {
    const count = unreadCalls(room, this.unread, this.me).length;
    const link = entry.firstElementChild;
    const mark = link.querySelector(".badge.is-call");
    if (count > 0) (mark ?? newMark(link)).setAttribute("aria-label", `${count} ${count === 1 ? "mention" : "mentions"}`);
    else mark?.remove();
    this.drawButton();
  }

  drawButton() {
    const { news } = this.list;
    const badge = this.button.querySelector(".badge");
    badge.hidden = news === 0;
    badge.textContent = news > 20 ? "20+" : String(news);
    badge.setAttribute("aria-label", `${news} new`);
    this.button.classList.toggle("has-news", news > 0);
  }

  /** A message of any room, which may have to be joined before. */
  show(name, seq) {
    this.waiting = { name, seq };
    this.jump(name);
    this.showWaiting(this.rooms.get(name));
  }

  showWaiting(room) {
    if (!room || room.name !== this.waiting?.name || room.state !== "live") return;
    const { seq } = this.waiting;
    this.waiting = null;
    if (room === this.rooms.active) this.jump(room.name, seq);
  }
}

function newMark(link) {
  const mark = document.createElement("span");
  mark.className = "badge is-call";
  mark.textContent = "@";
  mark.setAttribute("role", "img");
  link.lastElementChild.before(mark);
  return mark;
}
