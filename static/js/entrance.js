// Who one is, agreed upon at the door: the first nickname, another one, one that is reserved here or was on another device.
// A passphrase goes from the box to the server and nowhere else.

import { NO_LINE, sentenceOf } from "./changes.js";
import { Door } from "./door.js";
import { isolate } from "./isolate.js";

const OF_WHAT_LENGTH = "A passphrase has 8 to 200 characters.";

export class Entrance {
  /**
   * ask(verb, payload) -> Promise of the ack; iAm(person) hears whom the server agreed to; stepOut() and back() leave the
   * room for the box and return; knock() tries to come in under the nickname one has; tell(text) says what was done.
   */
  constructor({ me, ask, overlays, iAm, stepOut, back, knock, tell }) {
    Object.assign(this, { me, ask, iAm, stepOut, back, knock, tell });
    this.door = new Door({ me, overlays, chosen: (choice) => this.chosen(choice), givenUp: () => this.giveUp() });
  }

  /** For whom has no nickname yet. */
  open() {
    this.door.open({});
  }

  close() {
    this.door.close();
  }

  get isWaiting() {
    return this.door.isOpen && !this.door.left;
  }

  /** The room let nobody in under this nickname. */
  refused(ack) {
    const { door, me } = this;
    if (!door.isOpen || door.left) door.open({ nickname: door.isOpen ? door.nickname : me.wish });
    door.refuse(me.wish, ack);
  }

  /** Another nickname, for whom is in. */
  change() {
    this.stepOut();
    this.door.open({ nickname: this.me.nickname, left: this.back });
  }

  /** To reserve the nickname one has: the same box, at its second field. */
  reserve() {
    this.change();
    this.door.passphrase.focus();
    return "";
  }

  /** To be whoever reserved that nickname. */
  claim(nickname) {
    if (!nickname) return "Which nickname is yours? For example: /identify Ann";
    this.stepOut();
    this.door.open({ nickname, taken: nickname, left: this.back });
    return "";
  }

  /** By a slash command. Answers a sentence where it could not be done. */
  async rename(nickname) {
    const ack = await this.take("rename", { nickname });
    const way = ack.reserved && `To give the passphrase: /identify ${isolate(nickname)}`;
    return [sentenceOf(ack), way].filter(Boolean).join(" ");
  }

  async chosen({ nickname, passphrase, isClaim }) {
    const length = [...passphrase].length;
    if (passphrase && (length < 8 || length > 200)) this.door.doubt(OF_WHAT_LENGTH);
    else if (passphrase && isClaim) await this.identify(nickname, passphrase);
    else if (this.door.left) await this.keep(nickname, passphrase);
    else this.come(nickname);
  }

  come(nickname) {
    this.me.wishFor(nickname);
    this.knock();
  }

  /** Whoever names a reserved nickname and a passphrase at once wants to be its owner. */
  async keep(nickname, passphrase) {
    const renamed = nickname === this.me.nickname ? { ok: true } : await this.take("rename", { nickname });
    if (renamed.reserved && passphrase) await this.identify(nickname, passphrase, renamed);
    else if (!renamed.ok) this.door.refuse(nickname, renamed);
    else if (passphrase) await this.lock(passphrase);
    else this.back();
  }

  async lock(passphrase) {
    const ack = await this.take("reserve", { passphrase });
    if (ack.ok) this.goBack(`“${isolate(this.me.nickname)}” is reserved for you. On another device, choose it and type your passphrase.`);
    else this.door.doubt(ack.text);
  }

  /** refusal: the one that brought us here, to be told where the passphrase is wrong. */
  async identify(nickname, passphrase, refusal) {
    const isInside = Boolean(this.door.left);
    const ack = await this.take("identify", { nickname, passphrase });
    if (!ack.ok && refusal) this.door.refuse(nickname, refusal);
    if (!ack.ok) this.door.doubt(ack.text);
    else if (isInside) this.goBack(`You are ${isolate(this.me.nickname)} in this browser now.`);
    else this.knock();
  }

  goBack(sentence) {
    this.back();
    this.tell(sentence);
  }

  async giveUp() {
    const ack = await this.take("reserve", { passphrase: null });
    this.door.look();
    this.door.tell(ack.ok ? `“${isolate(this.me.nickname)}” is no longer reserved.` : ack.text, !ack.ok);
    this.door.passphrase.focus();
  }

  /** A verb that ends in a name. Always answers an ack. */
  async take(verb, payload) {
    const ack = await this.ask(verb, payload).catch(() => ({ ok: false, text: NO_LINE }));
    if (ack.ok) this.iAm(ack.me);
    return ack;
  }
}
