// The chat page: makes the parts and connects them. Nothing is decided here; each part's own file says what it does.

import "./older-browsers.js";

import { Appearance } from "./appearance.js";
import { sitePath } from "./base.js";
import { Away } from "./away.js";
import { BrowserStorage } from "./browser-storage.js";
import { Changes, lastOwn, NO_CONNECTION, sentenceOf } from "./changes.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { ConnectionStatus } from "./connection-status.js";
import { Drafts } from "./drafts.js";
import { Drawer } from "./drawer.js";
import { catchPresses } from "./early-presses.js";
import { Entering } from "./entering.js";
import { enteringEffects } from "./entering-effects.js";
import { Finding } from "./finding.js";
import { FirstUnread } from "./first-unread.js";
import { Identity } from "./identity.js";
import { isolate } from "./isolate.js";
import { Joining } from "./joining.js";
import { language, t } from "./language.js";
import { takeLanguages } from "./languages-foot.js";
import { keepLastWords, wishOf } from "./last-words.js";
import { withPage, withStyle, withWantedWords } from "./late-page.js";
import { registerWorker } from "./installing.js";
import { LateFiles } from "./late-files.js";
import { Later, loader, NOT_LOADED } from "./later.js";
import { Layout } from "./layout.js";
import { listenToCards } from "./link-card.js";
import { Look } from "./look.js";
import { media } from "./media.js";
import { BAD_ROOM, Navigation } from "./navigation.js";
import { NicknameDialog } from "./nickname-dialog.js";
import { Notices } from "./notices.js";
import { OpenRooms } from "./open-rooms.js";
import { once } from "./once.js";
import { newId, Outbox } from "./outbox.js";
import { OutboxAdoption } from "./outbox-adoption.js";
import { Overlays } from "./overlays.js";
import { Room } from "./room.js";
import { RoomPasses, unguessable } from "./room-key.js";
import { RoomList } from "./room-list.js";
import { labelOf, roomName } from "./room-name.js";
import { RoomViews } from "./room-views.js";
import { Roster } from "./roster.js";
import { ServerClock } from "./server-clock.js";
import { StandingView } from "./standing-view.js";
import { lossOf } from "./storage-loss.js";
import { Submitting } from "./submitting.js";
import { tabName } from "./tab.js";
import { Timeline } from "./timeline.js";
import { TokenRenewal } from "./token-renewal.js";
import { Typed } from "./typed.js";
import { Unread } from "./unread.js";
import { UnreadSince } from "./unread-since.js";
import { UnreadView } from "./unread-view.js";

const page = document.body.dataset;
const local = new BrowserStorage("localStorage");
const session = new BrowserStorage("sessionStorage");
const hasTouch = media("(pointer: coarse)");
const WELCOME_MS = 2_000; // where no room is joined
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = (verb, payload) => connection.ask(verb, payload);
const notify = (text) => notices.show(text);
const notifyIfAny = (sentence) => sentence && notify(sentence);
const passed = (sentence) => (notices.passed(sentence), composer.passed(sentence));
const wanted = loader({ tell: notify, passed });
const answerOf = (verb, payload) => ask(verb, payload).catch(() => ({ ok: false, text: NO_CONNECTION }));
let isWarned = false; // that this browser does not store something
let limits = { text: 4_000, reactions: 20, first_people: 50 };

// The person and the browser.
const me = new Identity({ local, session });
const renewal = new TokenRenewal({ storage: local });
const clock = new ServerClock();
const storageWarning = once(async () => {
  const { StorageWarning } = await withWantedWords(() => import("./storage-warning.js"));
  return new StorageWarning({ local, session, isTabOnly: () => me.isTabOnly });
});
local.onVolatile(warnOfStorage);
warnOfStorage();
const retention = (keep) => late.parts?.retention(keep) ?? { label: "", sentence: "" };
const layout = new Layout({ site: page.site, retention });
const typed = new Typed({ session, boxes: { nickname: document.getElementById("nickname"), room: document.querySelector("#another-room input") } });
const look = new Look({ local, typed });
const removeLastWords = keepLastWords();
const connectionStatus = new ConnectionStatus({ retry: () => connection.retry() });
const notices = new Notices();
const overlays = new Overlays();
const drawer = new Drawer({ overlays, layout });
const passes = new RoomPasses({ storage: session });
const dialogs = new Later({ load: () => withPage(() => import("./dialogs.js")), wanted });
const late = new Later({ load: () => withStyle(() => import("./late-parts.js")).then(({ lateParts }) => furnish(lateParts)), wanted });
const want = (act) => late.wanted().then((parts) => parts && act(parts));
const endPresses = catchPresses({ load: () => late.load(), wanted: () => late.wanted() });

// The rooms.
const unread = new Unread({ storage: local, me, read: (...mark) => finding.read(...mark) });
const unreadSince = new UnreadSince();
const rooms = new OpenRooms({
  storage: local,
  make: (name) => new Room(name, {
    ask,
    wait,
    serverNow: () => clock.now(),
    pass: (room) => passes.payload(room),
    changed: (...change) => (told.changed(...change), roomViews.changed(...change), late.parts?.changed(...change), finding.changed(...change)),
  }),
  changed: (room) => roomList.draw(room),
  removed: (name) => {
    unread.remove(name);
    roomList.remove(name);
    notices.passed(name);
  },
});
const navigation = new Navigation({
  rooms,
  overlays,
  base: sitePath(""),
  show: (room) => {
    if (room.name !== page.room) removeLastWords();
    roomViews.show(room);
    finding.draw(room);
    if (layout.isRoomShown && !hasTouch.matches) composer.focus();
  },
  join: joinIfWelcome,
  left: (room) => {
    finding.left(room.name);
    ask("leave", { room: room.name }).catch(() => null);
    room.disconnected();
  },
  hasUnsent: (name) => outbox.items(name).length > 0,
  notify,
});
const roomList = new RoomList({ rooms, unread, chosen: (name) => navigation.goTo(name), left: (name) => navigation.leave(name), decorate: (room, entry) => late.parts?.told.draw(room, entry) });
const lateNews = late.told((parts) => parts, ["reported", "standingChanged"]);
const topic = { ...late.told((parts) => parts.topic, ["draw"]), open: () => want((parts) => parts.topic.open()) };
const newerVersion = late.told((parts) => parts.newerVersion, ["met"]);
const told = late.told((parts) => parts.told, ["changed", "disconnected", "opened", "personChanged", "show", "welcome"]);
const finding = new Finding({
  ...{ me, local, rooms, clock, overlays, layout, drawer, wait, notify, wanted, topic, ask: answerOf, join: joinIfWelcome },
  ...{ navigation: () => navigation, timeline: () => timeline, unread: () => unread, roomList: () => roomList, composer: () => composer },
  invite: () => want(({ roomActions }) => roomActions.invite()),
  jump: (name, seq) => told.show(name, seq),
});
const roster = new Roster({ me, ask, wait, firstPage: () => limits.first_people, menu: (...asked) => want((parts) => parts.openPersonMenu(...asked)), card: (subject) => want(({ card }) => card.open(subject)) });

// Entering.
const dialog = new NicknameDialog({
  me,
  overlays,
  submitted: (choice) => entering.send({ type: "submitted", ...choice, current: me.nickname }),
  unreserved: () => entering.send({ type: "unreserveRequested" }),
  cancelled: () => entering.send({ type: "cancelled" }),
});
takeLanguages({ look, refused: (sentence) => dialog.showSentence(sentence) });
const joining = new Joining({
  rooms,
  me,
  prepare: claimPass,
  joined,
  nicknameRefused: (ack) => entering.send({ type: "refused", nickname: me.wish, ack }),
  refused: (ack, room) => finding.refused(room, ack) || notices.show(ack.text, { lasting: true, about: room.name }),
});
const loadDoorway = once(async () => {
  const { DoorwayView } = await withWantedWords(() => import("./doorway-view.js"));
  return new DoorwayView({ clock, again: (room, passphrase) => joining.again(room, passphrase), left: (name) => navigation.leave(name) });
});
const entering = new Entering((effect) => effects[effect.do](effect));

// Messages.
const tab = tabName(session, newId);
const files = new LateFiles({ load: () => late.load(), outbox: () => outbox, me, wait });
const outbox = new Outbox({
  storage: local,
  tab,
  files: files.attachments,
  dropped: (item) => files.dropped(item),
  now: Date.now,
  newId,
  ask,
  wait,
  stored,
  lost: (name) => joining.join(rooms.get(name)),
  changed: (name) => {
    if (name !== rooms.activeName) return;
    timeline.drawPending();
    if (hasPaused(name)) standing.tick();
  },
});
const adoption = new OutboxAdoption({ outbox, rooms, join: joinIfWelcome });
const timeline = new Timeline({
  me,
  cards: { of: (...asked) => late.parts?.ownCards.of(...asked) ?? null },
  clock,
  retention: (keep) => retention(keep).sentence,
  items: (name) => files.withProgress(outbox.items(name)),
  endSeen: () => unreadView.markRead(),
  act: (verb, id) => {
    if (verb === "retry") outbox.retry(id);
    else if (verb === "cancel") submitting.cancelled(outbox.cancel(id));
    else submitting.takeBack(outbox.take(id));
  },
});
const unreadView = new UnreadView({ rooms, unread, roomList, timeline, layout, firstUnread: new FirstUnread({ timeline }) });
const composer = new Composer({
  files,
  storage: new Drafts({ local, session }),
  submit: (text) => submitting.submit(text),
  typing: () => ask("typing", { room: rooms.activeName }).catch(() => null),
  limit: () => limits.text,
  editing: (seq) => timeline.markEdited(seq),
  editLast: () => submitting.edit(lastOwn(rooms.active.messages, me)),
});
const standing = new StandingView({
  storage: local,
  clock,
  composer,
  loadDoorway: () => wanted(loadDoorway),
  lastOwn: (room) => Date.parse(room.messages.findLast(({ author }) => me.is(author))?.at),
  ticked: () => hasPaused(rooms.activeName) && (timeline.drawPending(), true),
});
const done = (sentence, undo) => notices.show(sentence, { action: { label: t("Undo"), run: () => undo().then(notifyIfAny) } });
const changes = new Changes({ ask, stored, done, reacted: (name, change) => rooms.get(name)?.reacted(change) });

const submitting = new Submitting({ rooms, composer, changes, outbox, files, timeline, run: runCommand });
listenToCards(document.getElementById("messages"), {
  hide: (seq) => changes.hideCard(rooms.activeName, seq).then(notifyIfAny),
  open: (name, seq) => (seq ? told.show(name, seq) : navigation.goTo(name)),
});
const away = new Away({ tell: (on) => ask("away", { on }).catch(() => null) });
const roomViews = new RoomViews({ rooms, outbox, timeline, roster, layout, unreadView, composer, drawer, standing, putAway: () => late.parts?.actions.putAway() });

// The server.
new Appearance({ look, overlays, layout, later: dialogs });
const connection = new Connection({
  transports: page.transports.split(" "),
  storage: local,
  auth: () => ({ language, ...me.auth, ...(me.isTabOnly && { tab: true }) }),
  received: (event, payload) => EVENTS[event]?.(payload),
  changed: connectionChanged,
});
const effects = enteringEffects({
  me,
  dialog,
  layout,
  drawer,
  connection,
  ask,
  send: (event) => entering.send(event),
  named,
  tokenChanged,
  revealRoom: () => roomViews.reveal(),
  joinRooms: () => joining.joinAll(),
  notify,
});

const EVENTS = {
  welcome,
  me({ me: person }) {
    named(person);
    entering.send({ type: "renamedElsewhere" });
  },
  message: ({ room, message }) => rooms.get(room)?.receive(message),
  react({ room: name, ...change }) {
    const room = rooms.get(name);
    if (me.is(change.person)) room?.reacted(change); // from any tab of this person
    room?.receive(change);
  },
  people: ({ room, ...change }) => rooms.get(room)?.presence.update(change),
  ignored: ({ ignored }) => ignoredChanged(ignored),
  typing: ({ room, nickname, person }) => me.ignores(person) || rooms.get(room)?.presence.typing(nickname),
  room: ({ room }) => finding.details(rooms.get(room.name), room),
  standing: ({ room, ...told }) => standingChanged(rooms.get(room), told),
  removed: ({ room, ...refusal }) => removed(rooms.get(room), refusal),
  report: ({ room, seq, who, text }) => lateNews.reported(room, seq, who, text),
  notice: ({ text }) => notify(text),
  opened: (one) => (told.opened(one.room), finding.opened(one)),
  seen: (told) => unreadView.draw(finding.seen(told)),
};

setTimeout(start); // a task of its own: the page answers in between

function start() {
  for (const name of [...rooms.stored(), page.room]) rooms.add(name);
  passes.take(page.room);
  window.addEventListener("hashchange", () => passes.take(rooms.activeName) && entering.state.isWelcome && joining.again(rooms.active));
  navigation.goTo(page.room, { isInHistory: true });
  finding.follow(page.room);
  window.addEventListener("popstate", () => navigation.wentBack());
  window.addEventListener("pagehide", () => outbox.release());
  document.getElementById("self-card").addEventListener("click", () => (drawer.set(false), want(({ card }) => card.open({ person: me }))));
  document.getElementById("rename").addEventListener("click", () => entering.send({ type: "changeRequested", nickname: me.nickname }));
  document.getElementById("room-menu").addEventListener("click", ({ currentTarget }) => want((parts) => parts.openRoomMenu(currentTarget)));
  roomList.onAnother((text) => navigation.open(text));
  local.watch(storedElsewhere);
  adoption.start();
  const wish = wishOf(page);
  if (wish) me.setWish(wish);
  entering.send({ type: "opened", nickname: me.wish });
  if (page.submitted) dialog.form.requestSubmit(); // while this was loaded
}

/** Another tab changed a row of the storage: it sent a message, or read a room. */
function storedElsewhere(key, value) {
  if (value === null && key.startsWith("outbox:")) outbox.removedElsewhere(key.slice("outbox:".length));
  const room = key.startsWith("read:") && rooms.get(key.slice("read:".length));
  if (room) unreadView.draw(room);
}

function connectionChanged(status) {
  connectionStatus.show(status);
  if (status.state === "connected") passed(NO_CONNECTION), notices.passed(connection);
  if (status.sentence) notices.show(status.sentence, { lasting: true, about: connection });
  if (status.state === "connected" || status.state === "connecting") return;
  entering.send({ type: "disconnected" });
  outbox.pause();
  unreadSince.disconnected(rooms.active);
  told.disconnected();
  for (const room of rooms.all()) room.disconnected();
  timeline.drawPending();
}

async function welcome({ me: person, token, renew, ignored, server }) {
  const { engine } = connection;
  if (renewal.isDue(renew) && (await renewal.ask())) return connection.again(engine);
  if (engine !== connection.engine) return;
  passed(NOT_LOADED); // or it is said anew
  changePerson(() => me.welcome(person, token));
  if (ignored) ignoredChanged(ignored);
  warnOfStorage();
  limits = { ...limits, ...server?.limits };
  newerVersion.met(server?.page);
  entering.send({ type: "connected" });
  told.welcome();
  finding.welcome();
  away.welcome();
  loadSoon(WELCOME_MS);
  clock.measure(ask).then((isNew) => isNew && timeline.checkDay());
}

/** Loaded where there is something to say. */
function warnOfStorage() {
  if (!lossOf(local, me.isTabOnly) && !isWarned) return;
  isWarned = true;
  storageWarning().then((warning) => warning.draw(), () => null);
}

/** By `identify`: this browser's token is another one now. */
function tokenChanged({ token, renew }) {
  if (token) me.keepToken(token);
  if (renew) renewal.identified(renew);
}

function joined(room, ack) {
  named(ack.me);
  notices.passed(room.name);
  passes.remove(room.name);
  outbox.open(room.name);
  unread.begin(room);
  entering.send({ type: "joined" });
  look.known();
  registerWorker();
  if (room === rooms.active) unreadView.returned(unreadSince.reconnected(room, me));
  loadSoon(0);
  finding.joined(room);
}

/** What is not needed to read and write the first words, once these are drawn. Where it cannot be had, the next welcome tries again, or who wants it. */
function loadSoon(ms) {
  setTimeout(() => late.load().catch(() => null), ms);
}

function furnish(lateParts) {
  const parts = lateParts({
    ...{ page, me, local, session, clock, wait, ask, answerOf, newId, tab, notify, notifyIfAny, wanted, notices, done, overlays, layout, drawer, dialogs },
    ...{ rooms, roomList, navigation, finding, unread, entering, outbox, files, timeline, composer, submitting, changes },
    ...{ limits: () => limits, named, claim, rename, newRoom, saveSettings, stored, ignoredChanged, jumpTo },
  });
  endPresses();
  passed(NOT_LOADED);
  return parts;
}

/** Answers a sentence, or a promise of one, where it could not be done. */
function runCommand(command) {
  return late.parts ? late.parts.run(command) : late.load().then((parts) => parts.run(command), () => NOT_LOADED);
}

function joinIfWelcome(room) {
  if (entering.state.isWelcome) joining.join(room);
}

/** An owner key that came with the address. A room of which one has become an owner lets one in, whatever else it says. */
function claimPass(room) {
  const pass = passes.get(room.name);
  if (pass?.kind !== "owner") return null;
  return claim(room.name, pass.key).then((refusal) => {
    if (refusal !== NO_CONNECTION) passes.remove(room.name);
    notify(refusal || t("You own {room} now.", { room: labelOf(room) }));
  });
}

/** Answers a sentence where it could not be done. */
async function claim(room, key) {
  const ack = await answerOf("claim", { room, key: key.replace(/^.*#owner=/, "") });
  if (ack.ok) rooms.get(room)?.setDetails(ack.room);
  return sentenceOf(ack);
}

async function saveSettings(changed) {
  const room = rooms.active;
  const ack = await answerOf("settings", { room: room.name, ...changed });
  if (ack.ok) room.setDetails(ack.room);
  return sentenceOf(ack);
}

/** seq: of the message; without it, to the room alone. */
function jumpTo(name, seq) {
  if (!seq) navigation.goTo(name);
  else finding.show(seq);
}

/** This person's role has changed, or they were muted. */
function standingChanged(room, told) {
  if (!room) return;
  lateNews.standingChanged(room.name, { ...room.rules }, told);
  room.setStanding(told);
}

/** A moderator has sent this person out. What is typed, and what waits to be sent, stays. */
function removed(room, refusal) {
  if (!room) return;
  outbox.close(room.name);
  room.shut(refusal);
  if (room !== rooms.active) notify(t("{room}: {text}", { room: labelOf(room), text: refusal.text }));
}

/** A room that is in no list, under a name that nobody guesses. */
function newRoom(text) {
  const name = roomName(text || "room");
  if (!name) return BAD_ROOM;
  const unlisted = unguessable(name);
  passes.set(unlisted, { kind: "unlisted" });
  navigation.goTo(unlisted);
  return "";
}

function hasPaused(name) {
  return outbox.items(name).some(({ until }) => until);
}

/** By /nick. Answers a sentence where it could not be done. */
async function rename(nickname) {
  const ack = await ask("rename", { nickname }).catch(() => ({ ok: false, text: NO_CONNECTION }));
  if (ack.ok) named(ack.me);
  const help = ack.reserved && t("To give the passphrase: {command}", { command: `/identify ${isolate(nickname)}` });
  return [sentenceOf(ack), help].filter(Boolean).join(" ");
}

/** The server confirmed this person's nickname. */
function named(person) {
  changePerson(() => me.confirm(person));
}

function changePerson(change) {
  const before = me.id;
  change();
  layout.showMe(me);
  if (before && !me.is(before)) roomViews.personChanged([before, me.id]), told.personChanged(), finding.personChanged();
}

function ignoredChanged(ids) {
  if (me.ignored.set(ids).length === 0) return;
  roomViews.ignoredChanged();
  late.parts?.changed(rooms.active, "ignored");
}

function stored(name, message) {
  submitting.stored(name, message);
}
