// The files of the page as its other parts know them, also before what sends them (files-wiring.js) has been loaded.

import { hooks } from "./message-file.js";

const AGAIN_MS = 5_000;

export class LateFiles {
  /** load() -> Promise that the parts are there, which begin with arrived(files); outbox(), which is made later; me; wait(ms). */
  constructor({ load, outbox, me, wait }) {
    Object.assign(this, { load, outbox, me, wait, files: null });
    this.isOn = Boolean(document.getElementById("attach"));
    this.attachments = Object.fromEntries(["ready", "forgetUpload", "putBack"].map((name) => [name, (...what) => this.ask(name, what)]));
    hooks.load = (image, url) => this.loadByToken(image, url);
  }

  arrived(files) {
    this.files = files;
  }

  /** Of the attachments, however long it takes until they are there. */
  async ask(name, what) {
    while (!this.files) await this.load().catch(() => this.wait(AGAIN_MS));
    return this.files.attachments[name](...what);
  }

  get hasSome() {
    return this.files?.hasSome ?? false;
  }

  changed(room) {
    this.files?.changed(room);
  }

  send(room, text, reply) {
    if (this.files) this.files.send(room, text, reply);
    else this.outbox().add(room, text, reply);
  }

  withProgress(items) {
    return this.files?.withProgress(items) ?? items.map((item) => (item.file ? { ...item, file: { ...item.file, ...item.file.sent, progress: item.file.id ? 1 : 0 } } : item));
  }

  dropped(item) {
    if (this.files) this.files.dropped(item);
    else this.load().then(() => this.files.dropped(item), () => null); // else its bytes go after a day
  }

  /** What was dropped or pasted. It is emptied when its event is over. */
  takeFrom({ items = [], files }) {
    const found = [...items].map((item) => ({ kind: item.kind, entry: item.webkitGetAsEntry?.() }));
    const held = { items: found.map(({ kind, entry }) => ({ kind, webkitGetAsEntry: () => entry })), files: [...files] };
    if (this.files) this.files.takeFrom(held);
    else this.load().then(() => this.files.takeFrom(held), () => null);
  }

  /** A picture that no cookie opens: the tab's token does. False: there is no other way. */
  loadByToken(image, url) {
    if (!this.me.token || image.dataset.byToken) return false;
    image.dataset.byToken = "yes";
    fetch(url, { headers: { Authorization: `Bearer ${this.me.token}` } })
      .then((answer) => (answer.ok ? answer.blob() : null))
      .then((blob) => blob && (image.src = URL.createObjectURL(blob)), () => null);
    return true;
  }
}
