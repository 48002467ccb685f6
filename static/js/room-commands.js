// The slash commands about people and about the room: they find who is meant and ask for the verb. Each answers a sentence, or a
// promise of one, where it could not be done. No DOM in here.

import { isolate } from "./isolate.js";
import { lengthIn, personIn, plainDigits } from "./commands.js";
import { sequence, t, tn } from "./language.js";

export class RoomCommands {
  /**
   * room(): the active one; moderating: see moderating.js; settings(changed) and sanctions() ask the server; dialogs: {invite,
   * key, settings, moderation} open; claim(key).
   */
  constructor({ room, me, moderating, settings, sanctions, dialogs, claim, newRoom }) {
    Object.assign(this, { room, me, moderating, settings, sanctions, dialogs, claim, newRoom });
  }

  get table() {
    const { moderating, dialogs } = this;
    const name = () => this.room().name;
    return {
      ignore: (text) => (text ? this.about(text, "/ignore Ann", ({ person }) => moderating.ignore(person)) : this.ignored()),
      unignore: (text) => this.about(text, "/unignore Ann", ({ person }) => moderating.ignore(person, false)),
      report: (text) => this.about(text, "/report Ann spam", (found) => this.report(found)),
      kick: (text) => this.about(text, "/kick Ann spam", ({ person, rest }) => moderating.kick(name(), person, { reason: rest })),
      mute: (text) => this.about(text, "/mute Ann 10 spam", ({ person, rest }) => moderating.mute(name(), person, lengthIn(rest))),
      ban: (text) => this.about(text, "/ban Ann 60 spam", ({ person, rest }) => moderating.ban(name(), person, lengthIn(rest))),
      unmute: (text) => this.lift("mute", text, "/unmute Ann"),
      unban: (text) => this.lift("ban", text, "/unban Ann"),
      mod: (text) => this.about(text, "/mod Ann", ({ person }) => moderating.appoint(name(), person, "moderator")),
      owner: (text) => this.about(text, "/owner Ann", ({ person }) => moderating.appoint(name(), person, "owner")),
      unmod: (text) => this.about(text, "/unmod Ann", ({ person }) => moderating.appoint(name(), person, null)),
      slow: (text) => this.slow(text),
      lock: () => this.settings({ locked: true }),
      unlock: () => this.settings({ locked: false }),
      passphrase: (text) => this.settings({ passphrase: text || null }),
      welcome: (text) => this.settings({ welcome: text }),
      list: (text) => this.list(text),
      claim: (key) => (key ? this.claim(key) : t("Which key? The link of the owner key ends with it.")),
      new: (text) => this.newRoom(text),
      invite: () => dialogs.invite(),
      key: () => dialogs.key(),
      settings: () => dialogs.settings(),
      moderation: () => dialogs.moderation(),
    };
  }

  /** Everybody who is here or whose messages are held: the present ones first. */
  people() {
    const { presence, messages } = this.room();
    const authors = messages.map(({ author, nickname }) => ({ id: author, nickname, role: presence.roles.get(author) })).reverse();
    return [...presence.people.values(), ...authors];
  }

  about(text, example, act) {
    if (!text) return t("Whom? For example: {example}", { example });
    const found = personIn(text, this.people());
    if (!found) return t("Nobody called “{name}” is here, or has spoken lately.", { name: isolate(text.split(/\s/)[0]) });
    if (this.me.is(found.person.id)) return t("This is you.");
    return act(found);
  }

  ignored() {
    const names = new Map(this.people().filter(({ id }) => this.me.ignores(id)).map(({ id, nickname }) => [id, isolate(nickname)]));
    const others = this.me.ignored.ids.size - names.size;
    if (this.me.ignored.ids.size === 0) return t("You ignore nobody. For example: /ignore Ann");
    const more = others > 0 ? [tn("{n} who is not here", "{n} who are not here", others)] : [];
    return t("You ignore {names}.", { names: sequence([...names.values(), ...more]) });
  }

  report({ person, rest }) {
    const { name, messages } = this.room();
    const message = messages.findLast(({ author, deleted }) => author === person.id && !deleted);
    if (!message) return t("{name} has said nothing that could be reported.", { name: isolate(person.nickname) });
    return this.moderating.report(name, message, rest);
  }

  /** Whoever is banned is not here, so they are looked up among those who are. */
  async lift(verb, text, example) {
    if (!text) return t("Whom? For example: {example}", { example });
    const ack = await this.sanctions();
    if (!ack.ok) return ack.text;
    const held = ack.sanctions.filter(({ kind }) => kind === verb).map(({ person, nickname }) => ({ id: person, nickname }));
    const found = personIn(text, held);
    const name = isolate(text);
    if (!found) return verb === "ban" ? t("Nobody called “{name}” is banned here.", { name }) : t("Nobody called “{name}” is muted here.", { name });
    return this.moderating.lift(verb, this.room().name, found.person);
  }

  slow(text) {
    const [, digits] = /^(\d{1,6})\s?s?$/i.exec(plainDigits(text)) ?? [];
    const seconds = digits ? Number(digits) : NaN;
    return Number.isNaN(seconds) ? t("How many seconds between two messages? For example: /slow 30 (0 ends it)") : this.settings({ slow: seconds });
  }

  list(text) {
    const listed = { on: true, off: false }[text.toLowerCase()];
    return listed === undefined ? t("Write /list on to show the room in the list of rooms, or /list off to hide it.") : this.settings({ listed });
  }
}
