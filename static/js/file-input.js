// The ways of a file into the composer besides the clipboard: the button, a phone's camera, and dropping it on the
// conversation.

import { t } from "./language.js";
import { media } from "./media.js";

const WAYS = [
  { do: "camera", label: t("Take a photo") },
  { do: "pictures", label: t("Choose pictures") },
  { do: "files", label: t("Choose files") },
];

export class FileInput {
  /** chosen(files); refuse(sentence); isOut(): nothing can be dropped just now. */
  constructor({ menu, chosen, refuse, isOut }) {
    Object.assign(this, { menu, chosen, refuse, isOut });
    this.button = document.getElementById("attach");
    this.zone = document.getElementById("drop-zone");
    this.hasTouch = media("(pointer: coarse)");
    this.button.addEventListener("click", () => this.open());
    for (const { do: way } of WAYS) this.input(way).addEventListener("change", ({ target }) => this.taken(target));
    for (const type of ["dragenter", "dragover"]) document.addEventListener(type, (event) => this.dragged(event));
    document.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || this.show(false));
    for (const type of ["drop", "dragend"]) document.addEventListener(type, () => this.show(false), true);
  }

  input(way) {
    return document.getElementById(`attach-${way}`);
  }

  /** What was chosen while this was loaded. */
  takeChosen() {
    for (const { do: way } of WAYS) this.taken(this.input(way));
  }

  /** With a mouse there is one way: the system's own dialog. */
  open() {
    if (!this.hasTouch.matches) this.input("files").click();
    else this.menu.open(this.button, { label: t("Attach"), items: () => WAYS, chosen: (way) => this.input(way).click() });
  }

  taken(input) {
    const files = [...input.files];
    input.value = ""; // the same file again is another choice
    if (files.length > 0) this.chosen(files);
  }

  dragged({ dataTransfer }) {
    if ([...(dataTransfer?.types ?? [])].includes("Files") && !this.isOut()) this.show(true);
  }

  show(isShown) {
    this.zone.hidden = !isShown;
  }

  /** What was dropped or pasted. A folder is none. */
  takeFrom(transfer) {
    const items = [...(transfer.items ?? [])].filter(({ kind }) => kind === "file");
    const isFolder = items.some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = [...transfer.files].filter((_, at) => !items[at]?.webkitGetAsEntry?.()?.isDirectory);
    if (isFolder) this.refuse(t("A folder cannot be sent. The files in it can."));
    if (files.length > 0) this.chosen(files);
  }
}
