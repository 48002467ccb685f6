// Who this browser's person is: the id from the server, the nickname, the nickname wished for, and, where cookies are
// blocked, the token. A wish is sent to the server only until the server has confirmed it: the nickname may have been changed
// on another device since, and an old wish must not undo that.

import { Ignored } from "./ignored.js";
import { isNickname, isToken, person, readJson, readText } from "./storage-readers.js";

const GUEST = /^guest-[0-9a-f]{6}$/;

export class Identity {
  constructor({ local, session }) {
    Object.assign(this, { local, session, id: null, reserved: false, ignored: new Ignored(), about: {} });
    this.nickname = this.wish;
    this.token = readText(session, "token", isToken);
  }

  /** The nickname last chosen, in this tab or any other of this browser; empty on a first visit. */
  get wish() {
    return readText(this.local, "nickname", isNickname) ?? readText(this.session, "nickname", isNickname) ?? "";
  }

  /** The wish that the server has not confirmed yet; empty where there is none. */
  get pendingWish() {
    return this.wish === this.confirmed?.nickname ? "" : this.wish;
  }

  /** No cookie comes back to the server: the token is this tab's and goes with it. */
  get isTabOnly() {
    return this.token !== null;
  }

  /** For the handshake. A person whom the server knows asks for another nickname at the join, where a refusal is shown. */
  get auth() {
    return { ...(!this.confirmed && this.wish && { nickname: this.wish }), ...(this.token && { token: this.token }) };
  }

  is(id) {
    return id === this.id;
  }

  ignores(id) {
    return this.ignored.has(id);
  }

  setWish(nickname) {
    this.local.set("nickname", nickname);
    if (this.local.isVolatile) this.session.set("nickname", nickname);
    this.nickname = nickname;
  }

  /** The server's `welcome`. A pending wish is asked for again at the join; else the nickname is the one in `welcome`. */
  welcome(person, token) {
    if (this.isReplaced(person)) this.local.remove("person");
    this.about = aboutOf(person);
    if (this.pendingWish) Object.assign(this, { id: person.id, nickname: this.wish, reserved: Boolean(person.reserved) });
    else this.confirm(person);
    if (token) this.keepToken(token);
  }

  /** No cookie will hold it. */
  keepToken(token) {
    this.token = token;
    this.session.set("token", token);
  }

  /** The server has confirmed this nickname. */
  confirm(person) {
    const { id, nickname, reserved = false } = person;
    Object.assign(this, { id, reserved, about: aboutOf(person) });
    this.setWish(nickname);
    this.local.set("person", JSON.stringify({ id, nickname }));
  }

  /** The server has a new person for this browser (its database is another one), or gave the nickname to somebody else. */
  isReplaced({ id, nickname, reserved }) {
    const { confirmed } = this;
    return confirmed && !reserved && nickname !== confirmed.nickname && (id !== confirmed.id || GUEST.test(nickname));
  }

  /** {id, nickname} that the server confirmed last. */
  get confirmed() {
    return readJson(this.local, "person", person);
  }
}

/** What this person says of themselves. */
function aboutOf({ status, status_until, shows_last_seen }) {
  return { status, status_until, shows_last_seen };
}
