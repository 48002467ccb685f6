// The dialogs of how the page looks, and of its keys. What is chosen holds at once; another language when the dialog is left, for
// the page is loaded anew: nobody who looks through the list by keys is thrown out of it.

import { Dialog } from "./dialog.js";
import { t } from "./language.js";
import { NO_COOKIE } from "./look.js";

export class AppearanceDialogs {
  /** notify(sentence). */
  constructor({ look, overlays, layout, notify }) {
    Object.assign(this, { look, overlays, notify });
    const make = (id, closed) => new Dialog(id, { overlays, layout, submitted: () => this.dialogs[id].close(), closed });
    this.dialogs = { "look-dialog": make("look-dialog", () => queueMicrotask(() => this.left())), "keys-dialog": make("keys-dialog") };
    const { form } = this.dialogs["look-dialog"];
    form.addEventListener("change", ({ target }) => target !== this.language && look.choose(target.name, target.value));
    this.dialogs["look-dialog"].part("keys").addEventListener("click", () => {
      this.dialogs["look-dialog"].close();
      this.open("keys");
    });
    this.radios = [...form.querySelectorAll("[type=radio]")];
    this.language = form.elements.language;
  }

  /** The history's entry of the dialog goes first: going back would end the loading of the page. */
  left() {
    const { value } = this.language;
    if (value === (this.look.chosen.language ?? "")) return;
    const choose = () => this.look.chooseLanguage(value) || this.notify(NO_COOKIE);
    if (this.overlays.isGoingBack) window.addEventListener("popstate", choose, { once: true });
    else choose();
  }

  open(name) {
    for (const radio of this.radios) radio.checked = radio.value === (this.look.chosen[radio.name] ?? "");
    this.language.value = this.look.chosen.language ?? "";
    this.dialogs[`${name}-dialog`].open(name === "look" ? t("Appearance") : t("Keys"));
  }
}
