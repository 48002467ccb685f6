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

  /** The active room first: a nickname that is refused is refused once, not by every room. Any other refusal is that room's alone. */
  async joinAll() {
    const first = this.rooms.active;
    const others = this.rooms.all().filter((room) => room !== first);
    const ack = first && (staysOut(first) ? {} : await this.ask(first));
    if (!ack || NICKNAME_REFUSALS.has(ack.error)) return;
    for (const room of others) this.join(room);
  }

  /** Answers whether the room was joined. */
  async join(room) {
    if (!room || staysOut(room)) return false;
    return this.again(room);
  }

  /** The person wants into a room whose door was shut. passphrase: as they typed it. */
  async again(room, passphrase) {
    return Boolean((await this.ask(room, passphrase))?.ok);
  }

  /** The ack; null where the connection went down meanwhile. */
  async ask(room, passphrase) {
    const preparation = this.prepare(room);
    if (preparation) await preparation;
    const ack = await room.join(this.me.pendingWish, passphrase);
    if (!ack) return null;
    if (ack.ok) this.joined(room, ack);
    else if (NICKNAME_REFUSALS.has(ack.error)) this.nicknameRefused(ack);
    else if (!isShut(ack)) this.refused(ack, room);
    return ack;
  }
}

function staysOut({ refusal }) {
  return Boolean(refusal && isRemoval(refusal));
}
