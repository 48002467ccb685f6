// What moderators and owners do to others, each with its undo; and what anybody can do: ignore, report. Every function answers
// a promise of a sentence, empty where it was done. No DOM and no socket in here.

import { deleteMessage, sentenceOf } from "./changes.js";
import { isolate } from "./isolate.js";
import { t } from "./language.js";
import { span } from "./standing.js";

const ROLE_SENTENCES = {
  owner: (name) => `${name} owns this room now.`,
  moderator: (name) => `${name} is a moderator now.`,
  none: (name) => `${name} has no role in this room any more.`,
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
    return this.perform("kick", payload, `${nameOf(person)} was removed.`, () => this.lift("ban", room, person));
  }

  /** minutes: undefined is for good. */
  mute(room, person, { minutes, reason = "" } = {}) {
    const payload = sanction(room, person, minutes, reason);
    return this.perform("mute", payload, `${nameOf(person)} is muted${lengthOf(minutes)}.`, () => this.lift("mute", room, person));
  }

  /** address: also whoever comes new from where they came from; undefined leaves that to the server. */
  ban(room, person, { minutes, reason = "", address } = {}) {
    const payload = { ...sanction(room, person, minutes, reason), ...(address !== undefined && { address }) };
    return this.perform("ban", payload, `${nameOf(person)} is banned${lengthOf(minutes)}.`, () => this.lift("ban", room, person));
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
    if (on) this.done(`You ignore ${nameOf(person)}. Nobody is told.`, () => this.ignore(person, false));
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

function lengthOf(minutes) {
  return minutes === undefined ? "" : ` for ${span(minutes * 60_000)}`;
}
