// Joins the open rooms: after each welcome, after a new nickname, and when a room is opened. No DOM and no socket in here.

const NICKNAME_REFUSALS = new Set(["nickname_taken", "bad_nickname"]);

export class Joining {
  /**
   * rooms: {active, all()}; me: {pendingWish}; joined(room, ack); nicknameRefused(ack); refused(ack) for any other code.
   */
  constructor({ rooms, me, joined, nicknameRefused, refused }) {
    Object.assign(this, { rooms, me, joined, nicknameRefused, refused });
  }

  /** The active room first: a nickname that is refused is refused once, not by every room. */
  async joinAll() {
    const first = this.rooms.active;
    if (!(await this.join(first))) return;
    for (const room of this.rooms.all()) if (room !== first) this.join(room);
  }

  /** Answers whether the room was joined. */
  async join(room) {
    const ack = await room?.join(this.me.pendingWish);
    if (!ack) return false;
    if (ack.ok) this.joined(room, ack);
    else if (NICKNAME_REFUSALS.has(ack.error)) this.nicknameRefused(ack);
    else this.refused(ack);
    return Boolean(ack.ok);
  }
}
