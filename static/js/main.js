// The chat page: puts the parts together. It alone knows them all.

import "./older-browsers.js";

import { Actions } from "./actions.js";
import { Away } from "./away.js";
import { at } from "./base.js";
import { Changes, lastOwn, NO_LINE, sentenceOf } from "./changes.js";
import { Chip } from "./chip.js";
import { commandIn, HELP, obey } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { Drawer } from "./drawer.js";
import { Entrance } from "./entrance.js";
import { Forgetting } from "./forgetting.js";
import { Frame } from "./frame.js";
import { media } from "./media.js";
import { Myself } from "./myself.js";
import { Notices } from "./notices.js";
import { newId, Outbox } from "./outbox.js";
import { Overlays } from "./overlays.js";
import { Reading } from "./reading.js";
import { quoteOf } from "./reply.js";
import { Room } from "./room.js";
import { roomName, Rooms } from "./rooms.js";
import { Roster } from "./roster.js";
import { ServerClock } from "./server-clock.js";
import { Drafts, Shelf } from "./storage.js";
import { tabName, tabsAlive } from "./tab.js";
import { Timeline } from "./timeline.js";

const LOOK_AFTER = 30_000;
const NAME_TROUBLE = new Set(["nickname_taken", "bad_nickname"]);

const page = document.body.dataset;
const local = new Shelf("localStorage");
const session = new Shelf("sessionStorage");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = (verb, payload) => connection.ask(verb, payload);
const touch = media("(pointer: coarse)");
let limits = { text: 4_000, reactions: 20, first_people: 50 };

const me = new Myself({ local, session });
const clock = new ServerClock();
const forgetting = new Forgetting({ local, session, isTabOnly: () => me.isTabOnly });
const frame = new Frame(page);
const chip = new Chip({ retry: () => connection.retry() });
const notices = new Notices();
const overlays = new Overlays();
const drawer = new Drawer({ overlays });
const entrance = new Entrance({ me, ask, overlays, iAm, stepOut, back: backToRoom, knock, tell: (text) => notices.tell(text) });
const roster = new Roster({ me, ask, wait, firstPage: () => limits.first_people });
const rooms = new Rooms({ storage: local, me, make: newRoom, chosen: goTo, left: leave });
const outbox = new Outbox({
  storage: local,
  tab: tabName(session, newId),
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
  clock,
  items: (name) => outbox.items(name),
  seen: () => reading.mark(),
  act: (verb, id) => (verb === "retry" ? outbox.retry(id) : takeBack(outbox.take(id))),
});
const reading = new Reading({ rooms, timeline, frame });
const composer = new Composer({
  storage: new Drafts({ local, session }),
  say,
  typing: () => ask("typing", { room: rooms.activeName }).catch(() => null),
  limit: () => limits.text,
  editing: (seq) => timeline.markEdited(seq),
  up: () => editable(lastOwn(rooms.active.messages, me)),
});
const changes = new Changes({ ask, said, reacted: (name, change) => rooms.get(name)?.reacted(change) });
const away = new Away();
const actions = new Actions({
  me,
  overlays,
  room: () => rooms.active,
  most: () => limits.reactions,
  reply: (message) => composer.reply(answered(message.seq)),
  edit: editable,
  remove: ({ seq }) => changes.delete(rooms.activeName, seq).then(complain),
  react: (message, emoji, on) => changes.react(rooms.activeName, message, emoji, on).then(complain),
  jump: (seq) => timeline.jumpTo(seq),
  left: () => composer.focus(),
});
const connection = new Connection({
  transports: page.transports.split(" "),
  storage: local,
  auth: () => ({ ...me.auth, ...(me.isTabOnly && { tab: true }) }),
  hear: (event, payload) => HEARD[event]?.(payload),
  changed: lineChanged,
});

/** What the server tells. */
const HEARD = {
  welcome,
  me: ({ me: person }) => namedElsewhere(person),
  message: ({ room, message }) => rooms.get(room)?.hear(message),
  react: ({ room, ...change }) => reactionHeard(rooms.get(room), change),
  people: ({ room, ...change }) => rooms.get(room)?.presence.update(change),
  typing: ({ room, nickname }) => rooms.get(room)?.presence.typing(nickname),
  room: ({ room }) => rooms.get(room.name)?.describe(room),
  notice: ({ text }) => notices.tell(text),
};

/** What a room tells about itself, and who draws it. */
const REDRAWN = {
  message: (room, detail) => {
    settle(detail.message);
    if (room === rooms.active) timeline.put(detail);
    reading.drawSoon(room);
  },
  reset: (room) => {
    room.messages.forEach(settle);
    if (room === rooms.active) reading.show(room);
    reading.draw(room);
  },
  live: (room) => room === rooms.active && timeline.fillScreen(),
  shown: (room) => room === rooms.active && timeline.sync(),
  typing: (room) => room === rooms.active && timeline.drawTyping(),
  people: (room) => {
    if (room !== rooms.active) return;
    roster.show(room);
    timeline.drawPresence();
  },
  room: (room) => {
    if (room !== rooms.active) return;
    frame.showHead(room);
    timeline.drawStart();
  },
};

const COMMANDS = {
  nick: (nickname) => (nickname ? entrance.rename(nickname) : "Which nickname? For example: /nick Ann"),
  reserve: () => entrance.reserve(),
  identify: (nickname) => entrance.claim(nickname),
  topic: (topic) => ask("topic", { room: rooms.activeName, topic }).then(sentenceOf, () => NO_LINE),
  join: joinAnother,
  leave: () => leave(rooms.activeName),
  help: () => notices.tell(HELP, { lasting: true }),
};

begin();

function begin() {
  const first = roomName(page.room);
  for (const name of [...rooms.stored(), first]) rooms.add(name);
  goTo(first, { push: false });
  listen();
  if (me.wish) comeIn();
  else entrance.open();
}

function listen() {
  window.addEventListener("popstate", wentBack);
  window.addEventListener("pagehide", () => outbox.release());
  document.getElementById("rename").addEventListener("click", () => entrance.change());
  rooms.onAnother(joinAnother);
  local.watch((key, value) => {
    if (value === null && key.startsWith("outbox:")) outbox.gone(key.slice("outbox:".length));
    const read = key.startsWith("read:") && rooms.get(key.slice("read:".length));
    if (read) reading.draw(read);
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
  entrance.close();
  frame.enter();
  frame.showMe(me);
  drawer.set(false);
  timeline.show(rooms.active);
  composer.look();
  composer.focus();
}

/** Back or forward: to another room, or only from under what lay over this one. */
function wentBack() {
  const staysHere = overlays.popped();
  const name = roomName(decodeURIComponent(location.pathname.slice(at("/r/").length)));
  if (!staysHere || name !== rooms.activeName) goTo(name, { push: false });
}

function stepOut() {
  drawer.set(false);
  frame.stepBack();
}

/** Somebody at the door has a nickname. */
async function knock() {
  if (connection.isConnected && me.id) await enterAll();
  else comeIn();
}

function iAm(person) {
  become(() => me.bear(person));
}

/** In another tab or on another device. Who still stands at this door may come in by it. */
function namedElsewhere(person) {
  iAm(person);
  if (entrance.isWaiting) enterAll();
}

/** Where one is somebody else from now on, other messages are one's own, and that the two come and go is no news. */
function become(named) {
  const before = me.id;
  named();
  frame.showMe(me);
  if (!before || me.is(before)) return;
  actions.putAway();
  for (const room of rooms.all()) {
    room.presence.expect([before, me.id]);
    room.forgetOwn();
    reading.draw(room);
  }
  timeline.show(rooms.active);
  roster.show(rooms.active);
}

function welcome({ me: person, token, server }) {
  become(() => me.greet(person, token));
  forgetting.draw();
  limits = { ...limits, ...server?.limits };
  enterAll();
  clock.measure(ask).then((isNew) => isNew && timeline.checkDay());
}

/** The room one looks at first: a refused nickname is told once. */
async function enterAll() {
  const first = rooms.active;
  if (!(await enter(first))) return;
  for (const room of rooms.all()) if (room !== first) enter(room);
}

async function enter(room) {
  const ack = await room?.join(me.pending);
  if (!ack) return false;
  if (ack.ok) return entered(room, ack);
  if (NAME_TROUBLE.has(ack.error)) refuseName(ack);
  else notices.tell(ack.text, { lasting: true });
  return false;
}

function entered(room, ack) {
  iAm(ack.me);
  outbox.open(room.name);
  rooms.begin(room);
  if (!frame.isInside) comeIn();
  if (room === rooms.active) reading.tell(away.back(room, me));
  return true;
}

function refuseName(ack) {
  frame.leave();
  entrance.refused(ack);
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
  if (push && name !== rooms.activeName) overlays.push(at(`/r/${name}`));
  rooms.activate(name);
  frame.showHead(room);
  actions.putAway();
  reading.show(room);
  roster.show(room);
  composer.show(name);
  drawer.set(false);
  reading.draw(room);
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
  else location.assign(at("/"));
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

function reactionHeard(room, change) {
  if (me.is(change.person)) room?.reacted(change);
  room?.hear(change);
}

/** Whoever said it: one may have been somebody else then, and nobody can know an id before its words are told. */
function settle({ id }) {
  outbox.settle(id);
}

/** {seq, nickname, text} of what is answered. */
function answered(seq) {
  return seq && { seq, ...quoteOf(rooms.active.find(seq)) };
}

function takeBack(item) {
  if (item) composer.takeBack(item.text, answered(item.reply_to));
}

function editable(message) {
  if (message) composer.edit(message);
}

function complain(sentence) {
  if (sentence) notices.tell(sentence);
}

/** What a closed tab left unsent is sent by this one. */
async function lookAfterOutbox() {
  outbox.touch();
  outbox.adopt(await tabsAlive());
  for (const name of outbox.rooms()) {
    if (rooms.get(name)) continue;
    const room = rooms.add(name);
    if (connection.isConnected && me.id) enter(room);
  }
}
