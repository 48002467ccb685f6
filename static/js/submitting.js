// What becomes of a text that was submitted in the composer: an edit is saved, a command runs, anything else is sent to the
// active room. And the ways back: the ack of a sent message, and a failed one that is taken back into the box.

import { commandIn } from "./command-in.js";
import { quoteOf } from "./reply.js";

export class Submitting {
  /** run(command): see late-parts.js. */
  constructor({ rooms, composer, changes, outbox, files, timeline, run }) {
    Object.assign(this, { rooms, composer, changes, outbox, files, timeline, run });
  }

  /** Answers a sentence (or a promise of one) where the text was not accepted. */
  submit(text) {
    const { context } = this.composer;
    if (context.isEdit) return this.changes.edit(this.rooms.activeName, context.now.seq, text);
    const command = commandIn(text);
    if (command) return this.run(command);
    this.files.send(this.rooms.activeName, text, context.end()?.seq);
    this.timeline.toEnd();
    return "";
  }

  /** The server has stored this message. The event may come before or after the ack. */
  stored(name, message) {
    const room = this.rooms.get(name);
    if (!room) return;
    room.apply(message);
    room.receive(message);
  }

  reply({ seq }) {
    this.composer.reply(this.quoted(seq));
  }

  edit(message) {
    if (message) this.composer.edit(message);
  }

  takeBack(item) {
    if (!item) return;
    if (item.file) this.files.attachments.putBack(item.file, item.room);
    if (item.text || item.reply_to) this.composer.takeBack(item.text, this.quoted(item.reply_to));
  }

  /** An upload was cancelled: the file is gone, and its caption is in the box again. */
  cancelled(item) {
    if (item?.text) this.composer.takeBack(item.text, this.quoted(item.reply_to));
  }

  /** {seq, nickname, text} of the message that is replied to. */
  quoted(seq) {
    return seq && { seq, ...quoteOf(this.rooms.active.find(seq)) };
  }
}
