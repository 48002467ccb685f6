// The chat page: makes the parts and connects them. Nothing is decided here; each part's own file says what it does.

import "./older-browsers.js";

import { Actions } from "./actions.js";
import { sitePath } from "./base.js";
import { BrowserStorage } from "./browser-storage.js";
import { Changes, lastOwn, NO_CONNECTION, sentenceOf } from "./changes.js";
import { HELP } from "./commands.js";
import { Composer } from "./composer.js";
import { Connection } from "./connection.js";
import { ConnectionStatus } from "./connection-status.js";
import { Drafts } from "./drafts.js";
import { Drawer } from "./drawer.js";
import { Entering } from "./entering.js";
import { enteringEffects } from "./entering-effects.js";
import { Identity } from "./identity.js";
import { isolate } from "./isolate.js";
import { Joining } from "./joining.js";
import { Layout } from "./layout.js";
import { media } from "./media.js";
import { Navigation } from "./navigation.js";
import { NicknameDialog } from "./nickname-dialog.js";
import { Notices } from "./notices.js";
import { OpenRooms } from "./open-rooms.js";
import { newId, Outbox } from "./outbox.js";
import { OutboxAdoption } from "./outbox-adoption.js";
import { Overlays } from "./overlays.js";
import { Room } from "./room.js";
import { RoomList } from "./room-list.js";
import { RoomViews } from "./room-views.js";
import { Roster } from "./roster.js";
import { ServerClock } from "./server-clock.js";
import { StorageWarning } from "./storage-warning.js";
import { Submitting } from "./submitting.js";
import { tabName } from "./tab.js";
import { Timeline } from "./timeline.js";
import { Unread } from "./unread.js";
import { UnreadSince } from "./unread-since.js";
import { UnreadView } from "./unread-view.js";

const page = document.body.dataset;
const local = new BrowserStorage("localStorage");
const session = new BrowserStorage("sessionStorage");
const hasTouch = media("(pointer: coarse)");
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const ask = (verb, payload) => connection.ask(verb, payload);
const notify = (text) => notices.show(text);
const notifyIfAny = (sentence) => sentence && notify(sentence);
let limits = { text: 4_000, reactions: 20, first_people: 50 };

// The person and the browser.
const me = new Identity({ local, session });
const clock = new ServerClock();
const storageWarning = new StorageWarning({ local, session, isTabOnly: () => me.isTabOnly });
const layout = new Layout(page);
const connectionStatus = new ConnectionStatus({ retry: () => connection.retry() });
const notices = new Notices();
const overlays = new Overlays();
const drawer = new Drawer({ overlays });

// The rooms.
const unread = new Unread({ storage: local, me });
const unreadSince = new UnreadSince();
const rooms = new OpenRooms({
  storage: local,
  make: (name) => new Room(name, { ask, wait, changed: (...change) => roomViews.changed(...change) }),
  changed: (room) => roomList.draw(room),
  removed: (name) => {
    unread.remove(name);
    roomList.remove(name);
  },
});
const navigation = new Navigation({
  rooms,
  overlays,
  base: sitePath(""),
  show: (room) => {
    roomViews.show(room);
    if (layout.isRoomShown && !hasTouch.matches) composer.focus();
  },
  join: joinIfWelcome,
  left: (room) => {
    ask("leave", { room: room.name }).catch(() => null);
    room.disconnected();
  },
  hasUnsent: (name) => outbox.items(name).length > 0,
  notify,
});
const roomList = new RoomList({ rooms, unread, chosen: (name) => navigation.goTo(name), left: (name) => navigation.leave(name) });
const roster = new Roster({ me, ask, wait, firstPage: () => limits.first_people });

// Entering.
const dialog = new NicknameDialog({
  me,
  overlays,
  submitted: (choice) => entering.send({ type: "submitted", ...choice, current: me.nickname }),
  unreserved: () => entering.send({ type: "unreserveRequested" }),
  cancelled: () => entering.send({ type: "cancelled" }),
});
const joining = new Joining({
  rooms,
  me,
  joined,
  nicknameRefused: (ack) => entering.send({ type: "refused", nickname: me.wish, ack }),
  refused: ({ text }) => notices.show(text, { lasting: true }),
});
const entering = new Entering((effect) => effects[effect.do](effect));

// Messages.
const outbox = new Outbox({
  storage: local,
  tab: tabName(session, newId),
  now: Date.now,
  newId,
  ask,
  wait,
  stored,
  lost: (name) => joining.join(rooms.get(name)),
  changed: (name) => name === rooms.activeName && timeline.drawPending(),
});
const adoption = new OutboxAdoption({ outbox, rooms, join: joinIfWelcome });
const timeline = new Timeline({
  me,
  clock,
  items: (name) => outbox.items(name),
  endSeen: () => unreadView.markRead(),
  act: (verb, id) => (verb === "retry" ? outbox.retry(id) : submitting.takeBack(outbox.take(id))),
});
const unreadView = new UnreadView({ rooms, unread, roomList, timeline, layout });
const composer = new Composer({
  storage: new Drafts({ local, session }),
  submit: (text) => submitting.submit(text),
  typing: () => ask("typing", { room: rooms.activeName }).catch(() => null),
  limit: () => limits.text,
  editing: (seq) => timeline.markEdited(seq),
  editLast: () => submitting.edit(lastOwn(rooms.active.messages, me)),
});
const changes = new Changes({ ask, stored, reacted: (name, change) => rooms.get(name)?.reacted(change) });
const commands = {
  nick: (nickname) => (nickname ? rename(nickname) : "Which nickname? For example: /nick Ann"),
  reserve: () => entering.send({ type: "changeRequested", nickname: me.nickname, field: "passphrase" }),
  identify: (nickname) => (nickname ? entering.send({ type: "claimRequested", nickname }) : "Which nickname is yours? For example: /identify Ann"),
  topic: (topic) => ask("topic", { room: rooms.activeName, topic }).then(sentenceOf, () => NO_CONNECTION),
  join: (name) => navigation.open(name),
  leave: () => navigation.leave(rooms.activeName),
  help: () => notices.show(HELP, { lasting: true }),
};
const submitting = new Submitting({ rooms, composer, changes, outbox, timeline, commands });
const actions = new Actions({
  me,
  overlays,
  room: () => rooms.active,
  maxReactions: () => limits.reactions,
  reply: (message) => submitting.reply(message),
  edit: (message) => submitting.edit(message),
  remove: ({ seq }) => changes.delete(rooms.activeName, seq).then(notifyIfAny),
  react: (message, emoji, on) => changes.react(rooms.activeName, message, emoji, on).then(notifyIfAny),
  jump: (seq) => timeline.jumpTo(seq),
  left: () => composer.focus(),
});
const roomViews = new RoomViews({ rooms, outbox, timeline, roster, layout, unreadView, actions, composer, drawer });

// The server.
const connection = new Connection({
  transports: page.transports.split(" "),
  storage: local,
  auth: () => ({ ...me.auth, ...(me.isTabOnly && { tab: true }) }),
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
  typing: ({ room, nickname }) => rooms.get(room)?.presence.typing(nickname),
  room: ({ room }) => rooms.get(room.name)?.setDetails(room),
  notice: ({ text }) => notify(text),
};

start();

function start() {
  for (const name of [...rooms.stored(), page.room]) rooms.add(name);
  navigation.goTo(page.room, { isInHistory: true });
  window.addEventListener("popstate", () => navigation.wentBack());
  window.addEventListener("pagehide", () => outbox.release());
  document.getElementById("rename").addEventListener("click", () => entering.send({ type: "changeRequested", nickname: me.nickname }));
  roomList.onAnother((text) => navigation.open(text));
  local.watch(storedElsewhere);
  adoption.start();
  entering.send({ type: "opened", nickname: me.wish });
}

/** Another tab changed a row of the storage: it sent a message, or read a room. */
function storedElsewhere(key, value) {
  if (value === null && key.startsWith("outbox:")) outbox.removedElsewhere(key.slice("outbox:".length));
  const room = key.startsWith("read:") && rooms.get(key.slice("read:".length));
  if (room) unreadView.draw(room);
}

function connectionChanged(status) {
  connectionStatus.show(status);
  if (status.state === "connected" || status.state === "connecting") return;
  entering.send({ type: "disconnected" });
  outbox.pause();
  unreadSince.disconnected(rooms.active);
  for (const room of rooms.all()) room.disconnected();
  timeline.drawPending();
}

function welcome({ me: person, token, ignored, server }) {
  changePerson(() => me.welcome(person, token));
  if (ignored) ignoredChanged(ignored);
  storageWarning.draw();
  limits = { ...limits, ...server?.limits };
  entering.send({ type: "connected" });
  clock.measure(ask).then((isNew) => isNew && timeline.checkDay());
}

function joined(room, ack) {
  named(ack.me);
  outbox.open(room.name);
  unread.begin(room);
  entering.send({ type: "joined" });
  if (room === rooms.active) unreadView.returned(unreadSince.reconnected(room, me));
}

function joinIfWelcome(room) {
  if (entering.state.isWelcome) joining.join(room);
}

/** By /nick. Answers a sentence where it could not be done. */
async function rename(nickname) {
  const ack = await ask("rename", { nickname }).catch(() => ({ ok: false, text: NO_CONNECTION }));
  if (ack.ok) named(ack.me);
  const help = ack.reserved && `To give the passphrase: /identify ${isolate(nickname)}`;
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
  if (before && !me.is(before)) roomViews.personChanged([before, me.id]);
}

function ignoredChanged(ids) {
  if (me.ignored.set(ids).length > 0) roomViews.ignoredChanged();
}

function stored(name, message) {
  submitting.stored(name, message);
}
