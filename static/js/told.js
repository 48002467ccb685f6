// What this person is told besides what they look at: mentions, as marks in the list of rooms and as a list of their own, and
// notifications. Connects the parts; each part's own file says what it does.

import { oncePerFrame } from "./animation-frame.js";
import { sitePath } from "./base.js";
import { BrowserNotices } from "./browser-notices.js";
import { isNews } from "./ignored.js";
import { t, tn } from "./language.js";
import { callsMe, MentionList, unreadCalls } from "./mentions.js";
import { Notifier } from "./notifier.js";
import { NotifyChoices } from "./notify-choices.js";
import { PushChoice } from "./push-choice.js";
import { TabTurn } from "./tab-turn.js";

const LOOK_MS = 2_000; // after a welcome: what the person came for goes first

export class Told {
  /**
   * page: the data of <body>; ask(verb, payload) -> Promise of the ack, {ok: false} without a connection; jump(room, seq): shows a
   * message of a room; offer(sentence, action): a notice with a button.
   */
  constructor({ page, me, local, rooms, unread, overlays, layout, drawer, later, ask, jump, offer, wait }) {
    Object.assign(this, { me, local, rooms, unread, ask, jump, offer, wait, waiting: null, hasLevels: true, justOpened: new Set() });
    const isRead = (name, seq) => Boolean(rooms.get(name)?.rev) && unread.position(rooms.get(name)).seq >= seq;
    const turn = new TabTurn({ wait });
    this.list = new MentionList({ storage: local, isRead });
    this.choices = new NotifyChoices({ storage: local });
    this.notices = new BrowserNotices({ icons: { plain: page.icon, news: page.iconNews }, clicked: (room, seq) => this.show(room, seq) });
    this.notifier = new Notifier({
      me,
      unread,
      wait,
      storage: local,
      choices: this.choices,
      inTurn: (act) => turn.run("notify", act),
      tell: (notice) => this.tell(notice),
      isCurrent: (room) => rooms.get(room.name) === room,
      isLooking: (room) => rooms.active === room && document.hasFocus(),
    });
    this.push = new PushChoice({ storage: local, path: sitePath, isOffered: page.push === "on", ask });
    this.dialog = later.part(({ NotifyDialog }) => new NotifyDialog({
      overlays,
      layout,
      choices: this.choices,
      notices: this.notices,
      push: this.push,
      chosen: (room, level) => this.chosen(room, level),
      changed: () => this.drawAll(),
    }));
    this.drawAll = oncePerFrame(() => this.drawDue());
    this.button = document.getElementById("mentions-button");
    const seen = () => (this.list.seen(), this.drawAll());
    const mentions = later.part(({ MentionsDialog }) => new MentionsDialog({ overlays, layout, list: this.list, ask, jump: (room, seq) => this.show(room, seq), seen }));
    this.button.addEventListener("click", () => (drawer.set(false), mentions.open()));
    local.watch((key) => (key === "mentions-seen" || key.startsWith("notify")) && this.drawAll());
  }

  /** The server has said who this is. */
  async welcome() {
    await this.wait(LOOK_MS);
    const ack = await this.ask("mentions", { limit: 20 });
    if (ack.ok) this.list.add(ack.messages, true);
    this.push.renew();
    this.hasLevels = false;
    this.learnLevels();
    this.drawAll();
  }

  disconnected() {
    this.notifier.disconnected();
  }

  personChanged() {
    this.list.clear();
    this.welcome();
  }

  /** As a Room calls changed(). */
  changed(room, what, detail) {
    if (what === "message") this.messageChanged(room, detail);
    if (what === "live") this.live(room);
  }

  /** Somebody wants to talk, or has said something in a conversation that was closed here. */
  opened(name) {
    if (this.rooms.get(name)?.state !== "live") this.justOpened.add(name);
  }

  live(room) {
    this.learnLevels();
    this.showWaiting(room);
    if (this.justOpened.delete(room.name)) for (const message of this.unread.messages(room)) this.notifier.arrived(room, message);
  }

  messageChanged(room, { message, known }) {
    const calls = callsMe(message, this.me);
    const isNewCall = Boolean(calls && known && message.edited && !callsMe(known, this.me) && isNews(known, this.me));
    if (calls || message.edited || message.deleted) this.list.put({ ...message, room: room.name }, calls, isNewCall);
    if (!known || isNewCall) this.notifier.arrived(room, message, isNewCall);
  }

  // --- notifications ---

  openDialog() {
    this.dialog.open(this.rooms.active);
  }

  /** What was chosen on any device, once after each welcome; asked in a room. Before, what was chosen here meanwhile. */
  async learnLevels() {
    const { active } = this.rooms;
    if (this.hasLevels || active?.state !== "live") return;
    this.hasLevels = true;
    for (const name of this.choices.untold) if (this.rooms.get(name)?.state === "live") await this.tellLevel(name);
    const ack = await this.ask("notify", { room: active.name });
    this.choices.learn(ack.levels ?? {});
    this.drawAll();
  }

  chosen(room, level) {
    this.choices.choose(room.name, level);
    this.tellLevel(room.name);
  }

  async tellLevel(name) {
    const level = this.choices.level({ name });
    const ack = await this.ask("notify", { room: name, level });
    if (ack.ok) this.choices.confirm(name, level);
  }

  tell(notice) {
    const { how } = this.choices;
    if (this.choices.isQuiet()) return;
    if (how.sound) this.notices.play();
    if (how.desktop) this.notices.show(notice);
    else this.offerDesktop(notice);
  }

  /** Once in each browser, when there is something to tell of. */
  offerDesktop({ title }) {
    if (this.notices.permission !== "default" || this.local.get("notify-desktop") || this.local.get("notify-offered")) return;
    this.local.set("notify-offered", "yes");
    this.offer(t("{news}. Shall this browser tell you when somebody mentions you?", { news: title }), {
      label: t("Turn on"),
      run: async () => this.choices.set("desktop", await this.notices.askPermission()),
    });
  }

  // --- marks ---

  /** In the list of rooms, beside how many are unread. */
  draw(room, entry) {
    const count = unreadCalls(room, this.unread, this.me).length;
    const link = entry.firstElementChild;
    const mark = link.querySelector(".badge.is-call");
    if (count > 0) (mark ?? newMark(link)).setAttribute("aria-label", tn("{n} mention", "{n} mentions", count));
    else mark?.remove();
    this.drawAll();
  }

  drawDue() {
    this.drawButton();
    const worth = (room) => this.unread.messages(room).filter((message) => this.notifier.isWorth(room, message)).length;
    this.notices.mark(this.rooms.all().reduce((sum, room) => sum + worth(room), 0));
  }

  drawButton() {
    const { news } = this.list;
    const badge = this.button.querySelector(".badge");
    badge.hidden = news === 0;
    badge.textContent = news > 20 ? "20+" : String(news);
    badge.setAttribute("aria-label", tn("{n} new", "{n} new", news));
    this.button.classList.toggle("has-news", news > 0);
  }

  // --- the way to a message ---

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
