// Tells the server how far this person has read each room: soon, and of several steps the last one alone. No DOM in here.

const PAUSE_MS = 1_500;

export class ReadMarks {
  /** ask(verb, payload) -> Promise of the ack; wait(ms) -> Promise. */
  constructor({ ask, wait }) {
    Object.assign(this, { ask, wait });
    this.told = new Map(); // by room: {epoch, seq} that the server has been told
    this.due = new Map(); // by room: {room, seq}
  }

  /** The room is read up to this message. */
  read(room, seq) {
    const told = this.told.get(room.name);
    if (told && told.epoch === room.epoch && told.seq >= seq) return;
    const isWaiting = this.due.has(room.name);
    this.due.set(room.name, { room, seq });
    if (!isWaiting) this.tellSoon(room.name);
  }

  async tellSoon(name) {
    if (this.told.has(name)) await this.wait(PAUSE_MS); // the first one at once
    const { room, seq } = this.due.get(name);
    this.told.set(name, { epoch: room.epoch, seq });
    this.due.delete(name);
    const ack = await this.ask("seen", { room: name, seq }).catch(() => null);
    if (!ack?.ok && this.told.get(name)?.seq === seq) this.told.delete(name); // said again with the next message, or join
  }
}
