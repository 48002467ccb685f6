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
    this.dialogs = { "look-dialog": make("look-dialog", () => this.left()), "keys-dialog": make("keys-dialog") };
    const { form } = this.dialogs["look-dialog"];
    form.addEventListener("change", ({ target }) => target !== this.language && look.choose(target.name, target.value));
    this.dialogs["look-dialog"].part("keys").addEventListener("click", () => {
      this.dialogs["look-dialog"].close();
      this.open("keys");
    });
    this.radios = [...form.querySelectorAll("[type=radio]")];
    this.language = form.elements.language;
  }

  left() {
    const { value } = this.language;
    if (value === (this.look.chosen.language ?? "")) return;
    this.overlays.whenSettled(() => this.look.chooseLanguage(value) || this.notify(NO_COOKIE));
  }

  open(name) {
    for (const radio of this.radios) radio.checked = radio.value === (this.look.chosen[radio.name] ?? "");
    this.language.value = this.look.chosen.language ?? "";
    this.dialogs[`${name}-dialog`].open(name === "look" ? t("Appearance") : t("Keys"));
  }
}
