// What moderators and owners do to others, each with its undo; and what anybody can do: ignore, report. Every function answers
// a promise of a sentence, empty where it was done. No DOM and no socket in here.

import { deleteMessage, sentenceOf } from "./changes.js";
import { isolate } from "./isolate.js";
import { t } from "./language.js";
import { span } from "./standing.js";

const ROLE_SENTENCES = {
  owner: (name) => t("{name} owns this room now.", { name }),
  moderator: (name) => t("{name} is a moderator now.", { name }),
  none: (name) => t("{name} has no role in this room any more.", { name }),
};
/** minutes: undefined is for good. */
const DONE = {
  mute: (name, minutes) => (minutes === undefined ? t("{name} is muted.", { name }) : t("{name} is muted for {time}.", { name, time: span(minutes * 60_000) })),
  ban: (name, minutes) => (minutes === undefined ? t("{name} is banned.", { name }) : t("{name} is banned for {time}.", { name, time: span(minutes * 60_000) })),
};

export class Moderating {
  /**
   * ask(verb, payload) -> Promise of the ack; done(sentence, undo): something was done to somebody, and undo() takes it back;
   * ignored(ids); stored(room, message).
   */
  constructor({ ask, done, ignored, stored }) {
    Object.assign(this, { ask, done, ignored, stored });
  }

  kick(room, person, { reason = "" } = {}) {
    const payload = { room, person: person.id, ...(reason && { reason }) };
    return this.perform("kick", payload, t("{name} was removed.", { name: nameOf(person) }), () => this.lift("ban", room, person));
  }

  /** minutes: undefined is for good. */
  mute(room, person, { minutes, reason = "" } = {}) {
    const payload = sanction(room, person, minutes, reason);
    return this.perform("mute", payload, DONE.mute(nameOf(person), minutes), () => this.lift("mute", room, person));
  }

  /** address: also whoever comes new from where they came from; undefined leaves that to the server. */
  ban(room, person, { minutes, reason = "", address } = {}) {
    const payload = { ...sanction(room, person, minutes, reason), ...(address !== undefined && { address }) };
    return this.perform("ban", payload, DONE.ban(nameOf(person), minutes), () => this.lift("ban", room, person));
  }

  /** verb: "mute" or "ban". */
  async lift(verb, room, person) {
    return sentenceOf(await this.asked(verb, { room, person: person.id, minutes: 0 }));
  }

  /** role: "owner", "moderator", or null for none. */
  appoint(room, person, role) {
    const before = person.role ?? null;
    const sentence = ROLE_SENTENCES[role ?? "none"](nameOf(person));
    return this.perform("appoint", { room, person: person.id, role }, sentence, async () =>
      sentenceOf(await this.asked("appoint", { room, person: person.id, role: before })),
    );
  }

  /** Deletes a message of somebody else. */
  delete(room, { seq, nickname }) {
    return deleteMessage(this, room, seq, t("The message of {who} is deleted.", { who: isolate(nickname) }));
  }

  async ignore(person, on = true) {
    const ack = await this.asked("ignore", { person: person.id, on });
    if (!ack?.ok) return sentenceOf(ack);
    this.ignored(ack.ignored);
    if (on) this.done(t("You ignore {name}. Nobody is told.", { name: nameOf(person) }), () => this.ignore(person, false));
    return "";
  }

  async report(room, { seq }, text) {
    return sentenceOf(await this.asked("report", { room, seq, ...(text && { text }) }));
  }

  async perform(verb, payload, sentence, undo) {
    const ack = await this.asked(verb, payload);
    if (ack?.ok) this.done(sentence, undo);
    return sentenceOf(ack);
  }

  asked(verb, payload) {
    return this.ask(verb, payload).catch(() => null);
  }
}

function sanction(room, { id }, minutes, reason) {
  return { room, person: id, ...(minutes !== undefined && { minutes }), ...(reason && { reason }) };
}

function nameOf({ nickname }) {
  return isolate(nickname);
}

/** What moderators are told of a report. */
export function reportNews(room, who, text) {
  const told = { who: isolate(who), room: `#${room}`, text };
  return text ? t("{who} reported a message in {room}: {text}", told) : t("{who} reported a message in {room}.", told);
}
