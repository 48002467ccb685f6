// Changes of a message that is in the log: edit, delete, react. An ack brings the message as it looks then; a refusal brings
// a sentence. No DOM and no socket in here.

import { t } from "./language.js";

export const NO_CONNECTION = t("There is no connection right now. Please try again in a moment.");

const EDITABLE_KINDS = new Set(["said", "action", "file"]);

export class Changes {
  /**
   * ask(verb, payload) -> Promise of the ack; stored(room, message) takes the message as it looks then, reacted(room, {seq,
   * emoji, on, rev}) one's own reaction; done(sentence, undo): something was deleted, and undo() puts it back.
   */
  constructor({ ask, stored, reacted, done }) {
    Object.assign(this, { ask, stored, reacted, done });
  }

  edit(room, seq, text) {
    return this.sentence("edit", { room, seq, text });
  }

  delete(room, seq) {
    return deleteMessage(this, room, seq, t("Your message is deleted."));
  }

  /** Hides the card of a message, and offers to show it again. */
  async hideCard(room, seq) {
    const show = (on) => this.sentence("card", { room, seq, on });
    const refusal = await show(false);
    if (!refusal) this.done(t("The card is removed."), () => show(true));
    return refusal;
  }

  /** Puts one's reaction on, or takes it off. */
  async react(room, { seq }, emoji, on) {
    const ack = await this.change("react", { room, seq, emoji, on });
    if (ack?.ok) this.reacted(room, { seq, emoji, on, rev: ack.message.rev });
    return sentenceOf(ack);
  }

  async sentence(verb, payload) {
    return sentenceOf(await this.change(verb, payload));
  }

  async change(verb, payload) {
    const ack = await this.ask(verb, payload).catch(() => null);
    if (ack?.ok) this.stored(payload.room, ack.message);
    return ack;
  }
}

/** Deletes a message, and offers to put it back as it was. A promise of a sentence, empty where it was done. */
export async function deleteMessage({ ask, stored, done }, room, seq, sentence) {
  const change = async (verb) => {
    const ack = await ask(verb, { room, seq }).catch(() => null);
    if (ack?.ok) stored(room, ack.message);
    return sentenceOf(ack);
  };
  const refusal = await change("delete");
  if (!refusal) done(sentence, () => change("restore"));
  return refusal;
}

/** Empty where it was done. */
export function sentenceOf(ack) {
  if (!ack) return NO_CONNECTION;
  return ack.ok ? "" : ack.text;
}

/** Which verbs this person may use on a message. more: there is a menu of others. */
export function allowed(message, me) {
  if (message.deleted || message.kind === "notice") return { reply: false, react: false, edit: false, delete: false, more: false };
  const mine = me.is(message.author);
  return { reply: true, react: true, edit: mine && EDITABLE_KINDS.has(message.kind), delete: mine, more: true };
}

/** The message that arrow up edits: the last editable one of one's own. */
export function lastOwn(messages, me) {
  return messages.findLast((message) => allowed(message, me).edit);
}
