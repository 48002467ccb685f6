// Links into a room: invites, and the owner key, each as text and as QR code. The code is SVG from the server; it is shown as
// an image, never as markup.

import { copied } from "./clipboard.js";
import { Dialog } from "./dialog.js";
import { t } from "./language.js";

const KINDS = {
  invite: {
    title: (room) => t("Invite people to {room}", { room }),
    text: t("Whoever opens the link may come in, whatever the room's passphrase."),
    make: t("Make a link"),
  },
  ownerKey: {
    title: (room) => t("Owner key of {room}", { room }),
    text: t("Whoever opens this link owns the room: you on another device, or somebody you trust. A new link takes the place of the one before."),
    make: t("Make a new key"),
  },
};

export class RoomLinks {
  /** ask(kind, {uses?, hours?}) -> Promise of the ack {url, qr}, or one with a sentence. */
  constructor({ overlays, layout, ask }) {
    Object.assign(this, { ask });
    this.dialog = new Dialog("link-dialog", { overlays, layout, submitted: () => this.make(), closed: () => this.clear() });
    this.dialog.part("copy").addEventListener("click", () => this.copy());
  }

  open(kind, room) {
    this.kind = kind;
    const { title, text, make } = KINDS[kind];
    this.dialog.part("text").textContent = text;
    this.dialog.part("make").textContent = make;
    this.dialog.part("limits").hidden = kind !== "invite";
    this.clear();
    this.dialog.open(title(`#${room.name}`));
  }

  async make() {
    const { uses, hours } = this.dialog.form.elements;
    const limits = this.kind === "invite" ? { hours: Number(hours.value), ...(uses.value && { uses: Number(uses.value) }) } : {};
    const ack = await this.ask(this.kind, limits);
    if (!ack.ok) {
      this.dialog.showSentence(ack.text);
      return;
    }
    this.dialog.showSentence("");
    this.dialog.part("link").hidden = false;
    this.dialog.form.elements.url.value = ack.url;
    this.dialog.part("code").src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(ack.qr)}`;
    this.dialog.form.elements.url.select();
  }

  async copy() {
    const { url } = this.dialog.form.elements;
    url.select();
    const isCopied = await copied(url.value);
    this.dialog.showSentence(isCopied ? t("The link is copied.") : t("Copy the selected link with your keyboard or by a long press."), false);
  }

  /** A key does not stay in the page. */
  clear() {
    this.dialog.part("link").hidden = true;
    this.dialog.form.elements.url.value = "";
    this.dialog.part("code").removeAttribute("src");
  }
}
