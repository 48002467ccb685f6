// Pictures and files on the chat page: makes the parts that send and show them, and connects them with the composer, the outbox
// and the log.

import { AttachmentChips } from "./attachment-chips.js";
import { Attachments } from "./attachments.js";
import { BlobStore } from "./blob-store.js";
import { FileInput } from "./file-input.js";
import { t } from "./language.js";
import { withPage } from "./late-page.js";
import { hooks } from "./message-file.js";
import { Previews } from "./previews.js";
import { tabsAlive } from "./tab.js";
import { upload } from "./upload.js";

const JOINING_MS = 50;
const NOT_STORED = t("This browser cannot keep files over a reload. Leave the page open until they are sent.");

export class Files {
  /** composer and outbox are made later: `connect` hands them in. limit(): bytes of a file, as the server tells it; wanted(load): see later.js. */
  constructor({ me, menu, rooms, limit, wait, newId, tab, notify, wanted, layout, overlays }) {
    Object.assign(this, { me, rooms, wanted, layout, overlays, wait, previews: new Previews() });
    this.isOn = Boolean(document.getElementById("attach"));
    this.attachments = new Attachments({
      store: new BlobStore({ volatile: () => notify(NOT_STORED) }),
      upload: (one) => this.inRoom(one).then(() => upload({ ...one, token: me.token })),
      alive: tabsAlive,
      changed: (room) => this.changed(room),
      ...{ wait, newId, tab, limit, now: Date.now },
    });
    if (this.isOn) this.makeViews(menu);
    hooks.preview = (file) => this.previews.find(file);
    window.addEventListener("online", () => this.attachments.wake());
    document.getElementById("messages").addEventListener("click", (event) => this.clicked(event));
  }

  /** Until the server has let this browser into the room: before, there may be no such room. */
  async inRoom({ room, signal }) {
    while (this.rooms.get(room)?.rev === null && !signal.aborted) await this.wait(JOINING_MS);
  }

  makeViews(menu) {
    this.chips = new AttachmentChips({
      previews: this.previews,
      removed: (key) => this.removed(key),
      retried: (key) => this.attachments.retry(key),
    });
    this.input = new FileInput({
      menu,
      chosen: (files) => this.add(files),
      refuse: (sentence) => this.composer.showSentence(sentence),
      isOut: () => this.composer.stray.isOut,
    });
  }

  /** drawPending(): the rows of unconfirmed messages show how far their files are. */
  connect({ composer, outbox, drawPending }) {
    Object.assign(this, { composer, outbox, drawPending });
    if (this.rooms.activeName) this.changed(this.rooms.activeName);
    this.attachments.clear((key) => outbox.holds(key));
    this.input?.takeChosen();
  }

  add(files) {
    const refusal = this.attachments.add(this.rooms.activeName, files);
    for (const one of this.attachments.of(this.rooms.activeName)) if (!one.width) this.measure(one);
    if (refusal) this.composer.showSentence(refusal);
    this.composer.focus();
  }

  /** What was dropped or pasted. */
  takeFrom(transfer) {
    this.input?.takeFrom(transfer);
  }

  removed(key) {
    this.previews.forget(key);
    this.attachments.remove(key);
  }

  /** So that the row of an unconfirmed picture takes the space that it will have. */
  measure(one) {
    const preview = this.previews.of(one);
    if (!preview) return;
    const picture = new Image();
    picture.onload = () => this.attachments.measured(one.key, picture.naturalWidth, picture.naturalHeight);
    picture.src = preview;
  }

  /** Another room is shown, or a file of this one is another step further. */
  changed(room) {
    if (!this.composer || room !== this.rooms.activeName) return;
    this.chips?.draw(this.attachments.of(room));
    this.composer.allowSending();
    this.drawPending();
  }

  /** Has the composer something to send besides its text? What an edit changes may carry a file itself. */
  get hasSome() {
    const { context } = this.composer;
    if (context.isEdit) return Boolean(this.rooms.active.find(context.now.seq)?.file);
    return this.attachments.of(this.rooms.activeName).some(({ isFinal }) => !isFinal);
  }

  /** Puts what was typed and attached into the outbox: the text is the first file's. */
  send(room, text, reply) {
    const [first, ...others] = this.attachments.take(room);
    this.outbox.add(room, text, reply, first);
    for (const file of others) this.outbox.add(room, "", undefined, file);
  }

  /** The items of the outbox, with how far their files are. */
  withProgress(items) {
    return items.map((item) => {
      const one = item.file && this.attachments.get(item.file.key);
      if (!item.file) return item;
      const { progress = item.file.id ? 1 : 0, width, height, sentence, blob, type } = one ?? {};
      if (one) this.previews.of({ key: one.key, blob, type });
      return { ...item, sentence: item.sentence ?? sentence, file: { ...item.file, ...item.file.sent, ...(width && { width, height }), progress } };
    });
  }

  /** The message is in the log, or was taken away: its bytes need not be kept. */
  dropped({ file }) {
    const one = this.attachments.get(file.key);
    if (one?.file) this.previews.sent(file.key, one.file);
    this.removed(file.key);
  }

  async clicked(event) {
    const link = event.target.closest("a.message-picture");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const seq = Number(link.closest(".message").dataset.seq);
    const module = await this.wanted(() => withPage(() => import("./viewer.js")));
    if (!module) return;
    this.viewer ??= new module.Viewer({ layout: this.layout, overlays: this.overlays });
    this.viewer.open(this.rooms.active.messages, seq, link);
  }
}
