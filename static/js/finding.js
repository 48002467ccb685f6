// Finding: search, the directory of rooms, links to messages, conversations of two, how far one has read, the topic in the head.
// Connects the parts; each part's own file says what it does. The dialogs are loaded when they are first wanted.

import { copied } from "./clipboard.js";
import { Directs } from "./directs.js";
import { EmptyRoom } from "./empty-room.js";
import { t } from "./language.js";
import { withPage } from "./late-page.js";
import { linkTo, seqIn } from "./permalink.js";
import { ReadMarks } from "./read-marks.js";
import { isolate } from "./isolate.js";
import { isDirect, labelOf } from "./room-name.js";
import { sitePath } from "./base.js";
import { visible } from "./visible-text.js";

const DIALOGS = {
  search: () => withPage(() => import("./search-dialog.js")).then(({ SearchDialog }) => SearchDialog),
  directory: () => withPage(() => import("./directory-dialog.js")).then(({ DirectoryDialog }) => DirectoryDialog),
};

export class Finding {
  /**
   * What it is handed: me, local (storage), rooms, clock, overlays, layout, drawer, ask(verb, payload) -> Promise of the ack, wait(ms),
   * notify(sentence); wanted(load): see later.js; topic: see topic-editor.js; navigation(), timeline(), unread(), roomList() and
   * composer(), which are made later; join(room); invite(): opens the dialog of invites; jump(room, seq): shows a message of any room.
   */
  constructor(parts) {
    Object.assign(this, parts);
    const { ask, wait, me, local, rooms, clock } = this;
    this.marks = new ReadMarks({ ask, wait });
    this.directs = new Directs({ storage: local, rooms, me, clock, ask, join: parts.join, changed: (room) => this.renamed(room) });
    this.emptyRoom = new EmptyRoom({ act: (name) => this.actions[name]() });
    this.dialogs = {};
    this.target = null; // {room, seq}: the message of the address, until its room has been joined
    this.actions = {
      search: () => this.open("search"),
      directory: () => this.open("directory"),
      link: () => this.copy(rooms.activeName),
      topic: () => this.topic.open(),
      invite: parts.invite,
    };
    for (const button of document.querySelectorAll("[data-find]")) button.addEventListener("click", () => this.actions[button.dataset.find]());
    document.addEventListener("keydown", (event) => this.key(event));
    window.addEventListener("hashchange", () => this.follow(rooms.activeName));
    document.addEventListener("visibilitychange", () => !document.hidden && this.directs.isKnown && this.directs.learn());
  }

  /** The server has said who this is. */
  welcome() {
    this.directs.learn();
  }

  /** Conversations are somebody else's now. */
  personChanged() {
    const mine = this.rooms.all().filter(isDirect);
    const wasShown = mine.includes(this.rooms.active);
    for (const { name } of mine) this.rooms.remove(name);
    if (wasShown) this.navigation().goTo(this.rooms.all()[0]?.name ?? "lobby");
    this.directs.learn();
  }

  /** As a Room calls changed(). */
  changed(room, what) {
    if ((what === "people" || what === "room") && isDirect(room) && room.person) this.renamed(room);
    if (room === this.rooms.active && what !== "typing") this.draw(room);
  }

  /** A room was joined, and is drawn. */
  joined(room) {
    this.showTarget(room);
  }

  /** A room is shown. */
  draw(room) {
    this.topic.draw(room, room.rev !== null && !isDirect(room) && room.rules.maySetTopic && !room.refusal);
    this.emptyRoom.draw(room, isDirect(room));
  }

  renamed(room) {
    this.roomList().draw(room);
    if (room !== this.rooms.active) return;
    this.layout.showHead(room);
    this.composer().call(labelOf(room));
  }

  // --- links to messages ---

  /** To the message of the address, if it names one. */
  follow(name) {
    const seq = seqIn(window.location.hash);
    if (!seq) return;
    this.target = { name, seq };
    this.showTarget(this.rooms.get(name));
  }

  showTarget(room) {
    if (!room || room.name !== this.target?.name || room.state !== "live" || room !== this.rooms.active) return;
    const { seq } = this.target;
    this.target = null;
    this.show(seq);
  }

  /** A message of the active room, however far back. */
  async show(seq) {
    const { active } = this.rooms;
    if (await this.timeline().goTo(seq)) return;
    if (active === this.rooms.active) this.notify(t("That message is no longer there."));
  }

  async copy(room, seq) {
    const url = linkTo(window.location.origin + sitePath(""), room, seq);
    this.notify((await copied(url)) ? t("The link is copied.") : t("The browser does not let this page copy. The link is {url}", { url }));
  }

  // --- conversations ---

  /** Talk to somebody alone. */
  message(person) {
    const name = `@${person.id}`;
    const isNew = !this.rooms.get(name);
    this.rooms.add(name).person ??= { id: person.id, nickname: person.nickname };
    this.navigation().goTo(name);
    if (isNew) this.join(this.rooms.get(name));
  }

  /** The other one is not known any more, or it was another person's conversation. Answers whether that was all. */
  refused(room, { error, text }) {
    if (!isDirect(room) || error !== "no_such_person") return false;
    this.rooms.remove(room.name);
    if (room.name !== this.rooms.activeName) return true;
    this.navigation().goTo(this.rooms.all()[0]?.name ?? "lobby");
    this.notify(text);
    return true;
  }

  opened(told) {
    this.directs.opened(told);
  }

  left(name) {
    if (isDirect({ name })) this.directs.close(name);
  }

  // --- reading ---

  read(room, seq) {
    this.marks.read(room, seq);
  }

  /** In another tab or on another device. */
  seen({ room: name, seq }) {
    const room = this.rooms.get(name);
    if (room) this.unread().seenElsewhere(room, seq);
    return room;
  }

  // --- the topic ---

  /** The room's details are others now. Who has changed the topic stands in the log, for those who are there. */
  details(room, told) {
    if (!room) return;
    const before = room.topic;
    room.setDetails(told);
    if (room.topic === before || !told.topic_set) return;
    const who = isolate(visible(told.topic_set.nickname));
    const line = room.topic ? t("{who} changed the topic", { who }) : t("{who} took the topic away", { who });
    if (!room.note(line) && room === this.rooms.active) this.notify(line);
  }

  // --- dialogs ---

  async open(name) {
    if (!this.layout.isRoomShown) return;
    this.drawer.set(false);
    const Kind = this.dialogs[name] ? null : await this.wanted(DIALOGS[name]);
    if (Kind) this.dialogs[name] ??= this.made(Kind);
    this.dialogs[name]?.open();
  }

  made(Kind) {
    const { overlays, layout, ask, rooms, wait } = this;
    const unread = (room) => this.unread().count(room);
    const go = (room) => this.navigation().goTo(room);
    return new Kind({ overlays, layout, ask, rooms, wait, unread, go, jump: (...to) => this.jump(...to) });
  }

  key(event) {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (!this.layout.isRoomShown || document.querySelector(".dialog:not([hidden])")) return;
    event.preventDefault();
    this.open("search");
  }
}
