// Joins the open rooms: after each welcome, after a new nickname, and when a room is opened. No DOM and no socket in here.
//
// Whoever was kicked or banned comes back by their own wish alone (`again`): not with a reconnect, nor by what waits to be sent.

import { isRemoval, isShut } from "./refusal.js";

const NICKNAME_REFUSALS = new Set(["nickname_taken", "bad_nickname"]);

export class Joining {
  /**
   * rooms: {active, all()}; me: {pendingWish}; prepare(room): before each join, a promise where that takes time; joined(room, ack);
   * nicknameRefused(ack); refused(ack, room) for any other code but those that the room's doorway shows.
   */
  constructor({ rooms, me, prepare = () => null, joined, nicknameRefused, refused }) {
    Object.assign(this, { rooms, me, prepare, joined, nicknameRefused, refused });
  }

  /** The active room first: a nickname that is refused is refused once, not by every room. */
  async joinAll() {
    const first = this.rooms.active;
    if (!(await this.join(first)) && !first?.refusal) return;
    for (const room of this.rooms.all()) if (room !== first) this.join(room);
  }

  /** Answers whether the room was joined. */
  async join(room) {
    if (!room || (room.refusal && isRemoval(room.refusal))) return false;
    return this.again(room);
  }

  /** The person wants into a room whose door was shut. passphrase: as they typed it. */
  async again(room, passphrase) {
    const preparation = this.prepare(room);
    if (preparation) await preparation;
    const ack = await room.join(this.me.pendingWish, passphrase);
    if (!ack) return false;
    if (ack.ok) this.joined(room, ack);
    else if (NICKNAME_REFUSALS.has(ack.error)) this.nicknameRefused(ack);
    else if (!isShut(ack)) this.refused(ack, room);
    return Boolean(ack.ok);
  }
}
