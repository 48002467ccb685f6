// Who one is here: the id the server gave, the nickname one bears, the one wished for, and, where cookies are blocked, the
// token.

export class Myself {
  constructor({ local, session }) {
    Object.assign(this, { local, session, id: null, nickname: local.get("nickname") ?? "" });
    this.token = session.get("token");
  }

  /** The nickname to ask for, from this tab or any other of this browser; empty for whom has none yet. */
  get wish() {
    return this.local.get("nickname") ?? "";
  }

  /** What the handshake carries. */
  get auth() {
    return { nickname: this.wish, ...(this.token && { token: this.token }) };
  }

  is(id) {
    return id === this.id;
  }

  wishFor(nickname) {
    this.local.set("nickname", nickname);
    this.nickname = nickname;
  }

  /** Named by the server, perhaps with a guest's name: what one wished for is asked for again at the join. */
  greet({ id, nickname }, token) {
    this.id = id;
    this.nickname = this.wish || nickname;
    if (!token) return;
    this.token = token;
    this.session.set("token", token);
  }

  /** The server has agreed to this name. */
  bear({ id, nickname }) {
    this.id = id;
    this.wishFor(nickname);
  }
}
