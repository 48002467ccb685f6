// The files in the composer, above the message box: what they are, how far they are, and a way out for each.

import { sizeOf } from "./file-size.js";
import { t } from "./language.js";
import { kindOf } from "./message-file.js";
import { visible } from "./visible-text.js";

export class AttachmentChips {
  /** previews: of pictures; removed(key), retried(key). */
  constructor({ previews, removed, retried }) {
    Object.assign(this, { previews });
    this.list = document.getElementById("attachments");
    this.template = document.getElementById("attachment-template").content.firstElementChild;
    this.list.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      const { key } = button?.closest("li").dataset ?? {};
      if (!key) return;
      if (button.dataset.do === "retry") retried(key);
      else this.leave(button, () => removed(key));
    });
  }

  draw(attachments) {
    const rows = new Map([...this.list.children].map((row) => [row.dataset.key, row]));
    for (const one of attachments) {
      const row = rows.get(one.key) ?? this.newRow(one);
      rows.delete(one.key);
      this.fill(row, one);
      if (!row.isConnected) this.list.append(row);
    }
    for (const row of rows.values()) row.remove();
    this.list.hidden = attachments.length === 0;
  }

  newRow(one) {
    const row = this.template.cloneNode(true);
    row.dataset.key = one.key;
    row.querySelector(".attachment-name").textContent = visible(one.name);
    row.querySelector("[data-do=remove]").setAttribute("aria-label", t("Remove {name}", { name: visible(one.name) }));
    const look = row.querySelector(".attachment-look");
    const preview = this.previews.of(one);
    if (!preview) look.textContent = kindOf(one);
    else {
      const picture = Object.assign(new Image(), { src: preview, alt: "" });
      picture.addEventListener("error", () => (picture.remove(), (look.textContent = kindOf(one))));
      look.append(picture);
    }
    return row;
  }

  fill(row, { state, progress, sentence, size, isFinal, name }) {
    row.dataset.state = state;
    const bar = row.querySelector("progress");
    bar.hidden = state !== "uploading";
    bar.value = progress;
    bar.setAttribute("aria-label", t("Uploading {name}", { name: visible(name) }));
    row.querySelector(".attachment-about").textContent = sentence || (state === "waiting" ? t("Waiting") : sizeOf(size));
    row.querySelector("[data-do=retry]").hidden = state !== "failed" || Boolean(isFinal);
  }

  /** The keyboard goes to the next chip, or back to the message box. */
  leave(button, act) {
    const row = button.closest("li");
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("[data-do=remove]");
    act();
    (next?.isConnected ? next : document.getElementById("message")).focus({ preventScroll: true });
  }
}
