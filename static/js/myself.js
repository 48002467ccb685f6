// Who one is here: the id the server gave, the nickname one bears, the one wished for, and, where cookies are blocked, the
// token. A wish is told to the server only until it has agreed to it: the nickname may have been changed on another device
// since, and an old wish must not undo that.

import { isNickname, isToken, person, readJson, readText } from "./stored.js";

const GUEST = /^guest-[0-9a-f]{6}$/;

export class Myself {
  constructor({ local, session }) {
    Object.assign(this, { local, session, id: null, reserved: false });
    this.nickname = this.wish;
    this.token = readText(session, "token", isToken);
  }

  /** The nickname last chosen, in this tab or any other of this browser; empty for whom has none yet. */
  get wish() {
    return readText(this.local, "nickname", isNickname) ?? readText(this.session, "nickname", isNickname) ?? "";
  }

  /** The wish to which the server has not yet agreed; empty where there is none. */
  get pending() {
    return this.wish === this.agreed?.nickname ? "" : this.wish;
  }

  /** No cookie comes back to the server: the token is this tab's and goes with it. */
  get isTabOnly() {
    return this.token !== null;
  }

  /** What the handshake carries. Whom the server knows asks for another nickname at the join, where a refusal is told. */
  get auth() {
    return { ...(!this.agreed && this.wish && { nickname: this.wish }), ...(this.token && { token: this.token }) };
  }

  is(id) {
    return id === this.id;
  }

  wishFor(nickname) {
    this.local.set("nickname", nickname);
    if (this.local.forgets) this.session.set("nickname", nickname);
    this.nickname = nickname;
  }

  /** Named by the server. A pending wish is asked for again at the join; else the name is the one to bear. */
  greet(person, token) {
    if (this.isLost(person)) this.local.remove("person");
    if (this.pending) Object.assign(this, { id: person.id, nickname: this.wish, reserved: Boolean(person.reserved) });
    else this.bear(person);
    if (!token) return;
    this.token = token;
    this.session.set("token", token);
  }

  /** The server has agreed to this name, or tells that one bears it. */
  bear({ id, nickname, reserved = false }) {
    Object.assign(this, { id, reserved });
    this.wishFor(nickname);
    this.local.set("person", JSON.stringify({ id, nickname }));
  }

  /** Somebody new to the server (it has lost its database), or one whose nickname went to another: no name to take over. */
  isLost({ id, nickname, reserved }) {
    const { agreed } = this;
    return agreed && !reserved && nickname !== agreed.nickname && (id !== agreed.id || GUEST.test(nickname));
  }

  /** {id, nickname}: whom the server last agreed to. */
  get agreed() {
    return readJson(this.local, "person", person);
  }
}
