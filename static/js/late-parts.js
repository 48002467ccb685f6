// What is not needed to read and write the first words: writing aids, files, what can be done with messages and people, commands,
// what one is told. Loaded when the first words are there, or when somebody wants it before; makes the parts and connects them
// with those of main.js.

import * as buttons from "./action-buttons.js";
import { Actions } from "./actions.js";
import { insertText } from "./box-text.js";
import { NO_CONNECTION, sentenceOf } from "./changes.js";
import { helpFor, runCommand } from "./commands.js";
import { ComposerAids } from "./composer-aids.js";
import { Files } from "./files-wiring.js";
import { sitePath } from "./base.js";
import { t } from "./language.js";
import { Menu } from "./menu.js";
import { Moderating, reportNews } from "./moderating.js";
import { OwnCards, ownLink } from "./own-cards.js";
import { NewerVersion } from "./newer-version.js";
import { actionsInRoom, actionsOn } from "./person-actions.js";
import { retentionLabel, retentionSentence } from "./retention-text.js";
import { RoomCommands } from "./room-commands.js";
import { isDirect, labelOf } from "./room-name.js";
import { standingNews } from "./standing-news.js";
import { isBlank } from "./text.js";
import { Told } from "./told.js";
import { TopicEditor } from "./topic-editor.js";
import { copyText, WordClicks } from "./word-clicks.js";

/** main: the parts of the page that are there, and what it can do (main.js, furnish). Answers what main.js wants of these. */
export function lateParts(main) {
  const { page, me, local, clock, wait, ask, answerOf, newId, tab, notify, notifyIfAny, wanted, notices, done, overlays, layout, drawer, dialogs } = main;
  const { rooms, navigation, finding, unread, entering, outbox, timeline, composer, submitting, changes, named, claim, rename } = main;
  const actionsNow = (subject) => actionsOn({ me, role: rooms.active.rules.role, isDirect: isDirect(rooms.active), ...withMessageNow(subject) });

  const menu = new Menu({ overlays });
  const told = new Told({ page, me, local, rooms, unread, overlays, layout, drawer, later: dialogs, ask: answerOf, wait, jump: main.jumpTo, offer: (text, action) => notices.show(text, { lasting: true, action }) });
  const moderating = new Moderating({
    ask,
    stored: main.stored,
    ignored: main.ignoredChanged,
    done,
  });
  const sanctionDialog = dialogs.part(({ SanctionDialog }) => new SanctionDialog({
    overlays,
    layout,
    decided: (verb, person, choice) => moderating[verb](rooms.activeName, person, choice),
  }));
  const reportDialog = dialogs.part(({ ReportDialog }) => new ReportDialog({ overlays, layout, decided: report }));
  const moderationDialog = dialogs.part(({ ModerationDialog }) => new ModerationDialog({
    overlays,
    layout,
    ask: answerOf,
    lift: (kind, person) => moderating.lift(kind, rooms.activeName, person),
    jump: (seq) => finding.show(seq),
  }));
  const roomSettings = dialogs.part(({ RoomSettings }) => new RoomSettings({ overlays, layout, save: main.saveSettings, saved: notify }));
  const roomLinks = dialogs.part(({ RoomLinks }) => new RoomLinks({
    overlays,
    layout,
    ask: (kind, limits) => answerOf(kind === "ownerKey" ? "owner_key" : "invite", { room: rooms.activeName, ...limits }),
  }));
  const programs = dialogs.part(({ ProgramsDialog }) => new ProgramsDialog({ overlays, layout, ask: answerOf }));
  const roomActions = {
    ...finding.actions,
    settings: () => roomSettings.open(rooms.active),
    invite: () => roomLinks.open("invite", rooms.active),
    ownerKey: () => roomLinks.open("ownerKey", rooms.active),
    programs: () => programs.open(rooms.active),
    moderation: () => moderationDialog.open(rooms.active),
    notifications: () => told.openDialog(),
    leave: () => navigation.leave(rooms.activeName),
  };
  const personActions = {
    message: ({ person }) => finding.message(person),
    link: ({ message }) => finding.copy(rooms.activeName, message.seq),
    about: (subject) => card.open(subject),
    copy: ({ message }) => copyText(message).then(notify),
    report: ({ message }) => reportDialog.open(message),
    ignore: ({ person }) => moderating.ignore(person).then(notifyIfAny),
    unignore: ({ person }) => moderating.ignore(person, false).then(notifyIfAny),
    delete: ({ message }) => moderating.delete(rooms.activeName, message).then(notifyIfAny),
    mute: ({ person }) => sanctionDialog.open("mute", person),
    kick: ({ person }) => sanctionDialog.open("kick", person),
    ban: ({ person }) => sanctionDialog.open("ban", person),
    moderator: ({ person }) => moderating.appoint(rooms.activeName, person, "moderator").then(notifyIfAny),
    owner: ({ person }) => moderating.appoint(rooms.activeName, person, "owner").then(notifyIfAny),
    dismiss: ({ person }) => moderating.appoint(rooms.activeName, person, null).then(notifyIfAny),
  };
  const roomCommands = new RoomCommands({
    room: () => rooms.active,
    me,
    moderating,
    settings: main.saveSettings,
    sanctions: () => answerOf("sanctions", { room: rooms.activeName }),
    dialogs: { invite: roomActions.invite, key: roomActions.ownerKey, settings: roomActions.settings, moderation: roomActions.moderation },
    claim: (key) => claim(rooms.activeName, key),
    newRoom: main.newRoom,
  });
  const commands = {
    ...roomCommands.table,
    nick: (nickname) => (nickname ? rename(nickname) : t("Which nickname? For example: /nick Ann")),
    reserve: () => entering.send({ type: "changeRequested", nickname: me.nickname, field: "passphrase" }),
    identify: (nickname) => (nickname ? entering.send({ type: "claimRequested", nickname }) : t("Which nickname is yours? For example: /identify Ann")),
    status: (text) => ask("status", { text }).then((ack) => (ack.ok && named(ack.me), sentenceOf(ack)), () => NO_CONNECTION),
    topic: (topic) => ask("topic", { room: rooms.activeName, topic }).then(sentenceOf, () => NO_CONNECTION),
    join: (name) => navigation.open(name),
    leave: () => navigation.leave(rooms.activeName),
    help: () => notices.show(helpFor(rooms.active.rules.role), { lasting: true }),
  };

  const sending = new Files({ me, menu, rooms, wait, newId, tab, notify, wanted, layout, overlays, limit: () => main.limits().file ?? Infinity });
  main.files.arrived(sending);
  sending.connect({ composer, outbox, drawPending: () => timeline.drawPending() });
  const aids = new ComposerAids({ storage: local, rooms, me, ask, wait, overlays, sent: () => outbox.items(rooms.activeName), isEditing: () => composer.context.isEdit, wanted });
  const actions = new Actions({
    me,
    overlays,
    room: () => rooms.active,
    maxReactions: () => main.limits().reactions,
    reply: (message) => submitting.reply(message),
    edit: (message) => submitting.edit(message),
    remove: ({ seq }) => changes.delete(rooms.activeName, seq).then(notifyIfAny),
    react: (message, emoji, on) => changes.react(rooms.activeName, message, emoji, on).then(notifyIfAny),
    jump: (seq) => timeline.goTo(seq),
    left: () => composer.focus(),
    menu: openPersonMenu,
    card: (subject) => card.open(subject),
    pickEmoji: (...asked) => aids.pickEmoji(...asked),
  });
  new WordClicks(document.getElementById("conversation"), { open: (name) => navigation.goTo(name), notify });
  const card = dialogs.part(({ PersonCard }) => new PersonCard({
    overlays,
    layout,
    me,
    ask: answerOf,
    presence: () => rooms.active.presence,
    now: () => clock.now(),
    saved: named,
    actions: actionsNow,
    buttons,
    act,
    ways: { mention: ({ nickname }) => (composer.focus(), insertText(composer.box, `@${nickname} `)) },
    rename: () => entering.send({ type: "changeRequested", nickname: me.nickname }),
  }));
  const site = location.origin + sitePath("");
  const ownCards = new OwnCards({
    site,
    find: (name, seq) => rooms.get(name)?.find(seq),
    ignores: (id) => me.ignores(id),
    ask: (...asked) => ask(...asked),
    changed: (name, seq) => rooms.get(name)?.notifyAgain(seq),
    now: Date.now,
  });
  const topic = new TopicEditor({ room: () => rooms.active, save: commands.topic, notify, left: () => composer.focus() });
  const newerVersion = new NewerVersion({
    own: page.files,
    session: main.session,
    isBusy: () => overlays.open.size > 0 || !isBlank(composer.box.value) || rooms.all().some(({ name }) => outbox.items(name).length > 0),
    tell: tellNewerVersion,
  });
  for (const room of rooms.all()) main.roomList.draw(room);
  setTimeout(drawAgain);
  return { told, changed, actions, card, ownCards, roomActions, openPersonMenu, openRoomMenu, newerVersion, topic, retention, reported, standingChanged, run: (command) => runCommand(command, commands) };

  /** What is shown in another way since these parts are there. */
  function drawAgain() {
    const { active } = rooms;
    if (!active) return;
    layout.showHead(active);
    if (active.messages.some(({ words }) => ownLink(words, site))) timeline.redraw();
    else if (retentionSentence(active.keep)) timeline.sync();
  }

  /** See Room. What one may do hangs on the roles of people and the rules of the room. */
  function changed(room, what, detail) {
    aids.changed(room, what, detail);
    if (room !== rooms.active) return;
    menu.refresh();
    card.refresh();
  }

  function openPersonMenu(opener, subject) {
    const { id, nickname } = subject.person;
    const { presence } = rooms.active;
    const now = () => ({ ...subject, person: { ...(presence.people.get(id) ?? subject.person), role: presence.roles.get(id) } });
    const items = () => actionsNow(now());
    if (items().length === 0) return;
    menu.open(opener, { label: t("Actions for {name}", { name: nickname }), items, chosen: (name) => (actions.menuChosen(), act(name, now())) });
  }

  /** subject: {person, message?} */
  function act(name, subject) {
    personActions[name](withMessageNow(subject));
  }

  /** With the message as it looks by now. */
  function withMessageNow(subject) {
    return { ...subject, message: rooms.active.find(subject.message?.seq) ?? subject.message };
  }

  function openRoomMenu(opener) {
    menu.open(opener, { label: t("Actions for {name}", { name: labelOf(rooms.active) }), items: () => actionsInRoom(rooms.active.rules, isDirect(rooms.active)), chosen: (name) => roomActions[name]() });
  }

  async function report(message, text) {
    const refusal = await moderating.report(rooms.activeName, message, text);
    if (!refusal) notify(t("The moderators of this room can see your report. Nobody else can."));
    return refusal;
  }

  /** reload() loads it; null: this page is the newest again. */
  function tellNewerVersion(reload) {
    const about = t("A newer version of this page is here.");
    if (reload) notices.show(about, { lasting: true, about, action: { label: t("Reload"), run: reload } });
    else notices.passed(about);
  }

  function retention(keep) {
    return { label: retentionLabel(keep), sentence: retentionSentence(keep) };
  }

  function standingChanged(...asked) {
    for (const sentence of standingNews(...asked)) notify(sentence);
  }

  function reported(name, seq, who, text) {
    const show = () => {
      navigation.goTo(name);
      finding.show(seq);
    };
    notices.show(reportNews(name, who, text), { lasting: true, action: { label: t("Show"), run: show } });
  }
}
