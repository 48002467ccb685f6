// The chat page: puts the parts together. It alone knows them all.

import { Actions } from "./actions.js";
import { Away, whileAway } from "./away.js";
import { Changes, lastOwn, NO_LINE, sentenceOf } from "./changes.js";
import { commandIn, HELP, obey } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Door } from "./door.js";
import { Drawer } from "./drawer.js";
import { Frame } from "./frame.js";
import { Myself } from "./myself.js";
import { Notices, StatusChip } from "./notices.js";
import { newId, Outbox } from "./outbox.js";
import { quoteOf } from "./reply.js";
import { Room } from "./room.js";
import { roomName, Rooms } from "./rooms.js";
import { Roster } from "./roster.js";
import { Drafts, Shelf } from "./storage.js";
import { Timeline } from "./timeline.js";

const LOOK_AFTER = 30_000;
const NAME_TROUBLE = new Set(["nickname_taken", "bad_nickname"]);

const page = document.body.dataset;
const local = new Shelf("localStorage");
const session = new Shelf("sessionStorage");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = (verb, payload) => connection.ask(verb, payload);
const touch = matchMedia("(pointer: coarse)");
let limits = { text: 4_000, reactions: 20 };

const me = new Myself({ local, session });
const frame = new Frame(page);
const chip = new StatusChip();
const notices = new Notices();
const drawer = new Drawer();
const door = new Door({ chosen: callMe });
const roster = new Roster({ me, ask });
const rooms = new Rooms({ storage: local, me, make: newRoom, chosen: goTo, left: leave });
const outbox = new Outbox({
  storage: local,
  tab: tabName(),
  now: Date.now,
  newId,
  ask,
  wait,
  said,
  lost: (name) => enter(rooms.get(name)),
  changed: (name) => name === rooms.activeName && timeline.drawPending(),
});
const timeline = new Timeline({
  me,
  items: (name) => outbox.items(name),
  seen: markRead,
  act: (verb, id) => (verb === "retry" ? outbox.retry(id) : composer.takeBack(outbox.take(id))),
});
const composer = new Composer({
  storage: new Drafts({ local, session }),
  say,
  typing: () => ask("typing", { room: rooms.activeName }).catch(() => null),
  limit: () => limits.text,
  up: () => editable(lastOwn(rooms.active.messages, me)),
});
const changes = new Changes({ ask, said });
const away = new Away();
const actions = new Actions({
  me,
  room: () => rooms.active,
  most: () => limits.reactions,
  reply: (message) => composer.reply(message, quoteOf(message).text),
  edit: editable,
  remove: ({ seq }) => changes.delete(rooms.activeName, seq).then(complain),
  react: (message, emoji, on) => changes.react(rooms.activeName, message, emoji, on).then(complain),
  jump: (seq) => timeline.jumpTo(seq),
  left: () => composer.focus(),
});
const connection = new Connection({
  transports: page.transports.split(" "),
  storage: local,
  auth: () => me.auth,
  hear: (event, payload) => HEARD[event]?.(payload),
  changed: lineChanged,
});

/** What the server tells. */
const HEARD = {
  welcome,
  message: ({ room, message }) => rooms.get(room)?.hear(message),
  people: ({ room, ...change }) => rooms.get(room)?.presence.update(change),
  typing: ({ room, nickname }) => rooms.get(room)?.presence.typing(nickname),
  room: ({ room: { name, topic } }) => rooms.get(name)?.retitle(topic),
  notice: ({ text }) => notices.tell(text),
};

/** What a room tells about itself, and who draws it. */
const REDRAWN = {
  message: (room, detail) => {
    settle(detail.message);
    if (room === rooms.active) timeline.put(detail);
    drawUnread(room);
  },
  reset: (room) => {
    room.messages.forEach(settle);
    if (room === rooms.active) showTimeline(room);
    drawUnread(room);
  },
  live: (room) => room === rooms.active && timeline.fillScreen(),
  older: (room, messages) => room === rooms.active && timeline.prepend(messages),
  trimmed: (room) => room === rooms.active && timeline.cut(),
  typing: (room) => room === rooms.active && timeline.drawTyping(),
  people: (room) => {
    noteMyName(room);
    if (room !== rooms.active) return;
    roster.show(room);
    timeline.drawPresence();
  },
  room: (room) => room === rooms.active && frame.showHead(room),
};

const COMMANDS = {
  nick: (nickname) => (nickname ? rename(nickname) : "Which nickname? For example: /nick Ann"),
  topic: (topic) => ask("topic", { room: rooms.activeName, topic }).then(sentenceOf, () => NO_LINE),
  join: joinAnother,
  leave: () => leave(rooms.activeName),
  help: () => notices.tell(HELP, { lasting: true }),
};

begin();

function begin() {
  const first = roomName(page.room);
  rooms.add(first);
  for (const name of local.getList("rooms")) if (roomName(name) === name) rooms.add(name);
  goTo(first, { push: false });
  listen();
  if (me.wish) comeIn();
  else door.open({});
}

function listen() {
  window.addEventListener("popstate", () => goTo(roomName(decodeURIComponent(location.pathname.slice(3))), { push: false }));
  window.addEventListener("pagehide", () => outbox.release());
  document.addEventListener("visibilitychange", lookAgain);
  document.getElementById("rename").addEventListener("click", askNewName);
  rooms.onAnother(joinAnother);
  local.watch((key, value) => {
    if (value === null && key.startsWith("outbox:")) outbox.gone(key.slice("outbox:".length));
    const read = key.startsWith("read:") && rooms.get(key.slice("read:".length));
    if (read) drawUnread(read);
  });
  setInterval(lookAfterOutbox, LOOK_AFTER);
  lookAfterOutbox();
}

/** Past the door: the room is on the page, whether or not the line stands yet. */
function comeIn() {
  backToRoom();
  if (!connection.wanted) connection.start();
}

function backToRoom() {
  door.close();
  frame.enter();
  frame.showMe(me);
  drawer.set(false);
  timeline.show(rooms.active);
  composer.look();
  composer.focus();
}

function askNewName() {
  drawer.set(false);
  frame.stepBack();
  door.open({ nickname: me.nickname, left: backToRoom });
}

/** The nickname chosen at the door. */
async function callMe(nickname) {
  if (door.left) {
    const refusal = await rename(nickname);
    if (refusal) door.tell(refusal);
    else backToRoom();
    return;
  }
  me.wishFor(nickname);
  if (connection.isConnected && me.id) await enterAll();
  else comeIn();
}

async function rename(nickname) {
  const ack = await ask("rename", { nickname }).catch(() => null);
  if (!ack) return NO_LINE;
  if (!ack.ok) return ack.suggestion ? `${ack.text} How about ${ack.suggestion}?` : ack.text;
  iAm(ack.me);
  return "";
}

function iAm(person) {
  me.bear(person);
  frame.showMe(me);
}

/** One's own entry with another name: it was changed in another tab. */
function noteMyName(room) {
  const mine = room.presence.people.get(me.id);
  if (mine && room.stage === "live" && mine.nickname !== me.nickname) iAm(mine);
}

function welcome({ me: person, token, server }) {
  me.greet(person, token);
  limits = { ...limits, ...server?.limits };
  frame.showMe(me);
  enterAll();
}

/** The room one looks at first: a refused nickname is told once. */
async function enterAll() {
  const first = rooms.active;
  if (!(await enter(first))) return;
  for (const room of rooms.all()) if (room !== first) enter(room);
}

async function enter(room) {
  const ack = await room?.join(me.wish);
  if (!ack) return false;
  if (ack.ok) return entered(room, ack);
  if (NAME_TROUBLE.has(ack.error)) refuseName(ack);
  else notices.tell(ack.text, { lasting: true });
  return false;
}

function entered(room, ack) {
  iAm(ack.me);
  outbox.open(room.name);
  if (!frame.isInside) comeIn();
  if (room === rooms.active) tellNews(away.back(room, me));
  return true;
}

/** Back to the door with the sentence. What somebody is typing there stays; else the suggestion is filled in. */
function refuseName({ text, suggestion }) {
  const typed = door.isOpen && door.box.value.trim() !== me.wish ? door.box.value : null;
  frame.leave();
  door.open({ nickname: typed ?? suggestion ?? me.wish, sentence: text });
}

function lineChanged(status) {
  chip.show(status);
  if (status.state === "connected" || status.state === "connecting") return;
  outbox.pause();
  away.leave(rooms.active);
  for (const room of rooms.all()) room.away();
  timeline.drawPending();
}

function newRoom(name) {
  return new Room(name, { ask, wait, changed: (room, what, detail) => REDRAWN[what](room, detail) });
}

/** Shows a room, opening it if need be. */
function goTo(name, { push = true } = {}) {
  if (!name) return;
  const isNew = !rooms.get(name);
  const room = rooms.add(name);
  if (push && name !== rooms.activeName) history.pushState(null, "", `/r/${name}`);
  rooms.activate(name);
  frame.showHead(room);
  actions.putAway();
  showTimeline(room);
  roster.show(room);
  composer.show(name);
  drawer.set(false);
  drawUnread(room);
  if (frame.isInside && !touch.matches) composer.focus();
  if (isNew && connection.isConnected && me.id) enter(room);
}

function leave(name) {
  if (outbox.items(name).length > 0) {
    notices.tell(`What you said in #${name} is not sent yet. Wait for it or take it back, then leave.`);
    return;
  }
  const room = rooms.get(name);
  ask("leave", { room: name }).catch(() => null);
  room.away();
  rooms.remove(name);
  if (name !== rooms.activeName) return;
  const [next] = rooms.all();
  if (next) goTo(next.name);
  else location.assign("/");
}

/** Answers a sentence where there can be no such room. */
function joinAnother(text) {
  const name = roomName(text);
  if (!name) return "A room's name has letters a to z, digits, - and _ (64 at most), for example: book-club";
  goTo(name);
  return "";
}

function say(text) {
  const { subject } = composer;
  if (subject.isEdit) return changes.edit(rooms.activeName, subject.now.seq, text);
  const command = commandIn(text);
  if (command) return obey(command, COMMANDS);
  outbox.add(rooms.activeName, text, subject.end()?.seq);
  timeline.toEnd();
  return "";
}

/** The ack of one's own words is one more way for a message to come. */
function said(name, message) {
  const room = rooms.get(name);
  if (!room) return;
  room.apply(message);
  room.hear(message);
}

function settle({ author, id }) {
  if (me.is(author)) outbox.settle(id);
}

function editable(message) {
  if (message) composer.edit(message);
}

function complain(sentence) {
  if (sentence) notices.tell(sentence);
}

/** With a line above what is new since one last looked. */
function showTimeline(room) {
  const firstNew = rooms.firstUnread(room);
  timeline.show(room);
  timeline.divide(firstNew);
}

function lookAgain() {
  if (document.visibilityState !== "visible") return;
  const seq = rooms.firstUnread(rooms.active);
  tellNews(seq && { seq, label: whileAway(rooms.unread(rooms.active)) });
}

/** Back at the page, or back on the line. */
function tellNews(news) {
  if (news) timeline.divide(news.seq, news.label);
  if (timeline.following) markRead();
}

function markRead() {
  if (document.visibilityState !== "visible") return;
  rooms.markRead(rooms.active);
  drawUnread(rooms.active);
}

function drawUnread(room) {
  rooms.draw(room);
  frame.showUnread(rooms.activeName, rooms.unreadAnywhere(), rooms.unreadElsewhere());
}

/** What a closed tab left unsent is sent by this one. */
function lookAfterOutbox() {
  outbox.touch();
  outbox.adopt();
  for (const name of outbox.rooms()) {
    if (rooms.get(name)) continue;
    const room = rooms.add(name);
    if (connection.isConnected && me.id) enter(room);
  }
}

/** The same through all reloads of this tab. */
function tabName() {
  const name = session.get("tab") ?? newId();
  session.set("tab", name);
  return name;
}
