// The dialogs of how the page looks, and of its keys. What is chosen holds at once.

import { Dialog } from "./dialog.js";
import { t } from "./language.js";

export class AppearanceDialogs {
  constructor({ look, overlays, layout }) {
    this.look = look;
    const make = (id) => new Dialog(id, { overlays, layout, submitted: () => this.dialogs[id].close() });
    this.dialogs = { "look-dialog": make("look-dialog"), "keys-dialog": make("keys-dialog") };
    const { form } = this.dialogs["look-dialog"];
    form.addEventListener("change", ({ target }) => this.chosen(target));
    this.dialogs["look-dialog"].part("keys").addEventListener("click", () => {
      this.dialogs["look-dialog"].close();
      this.open("keys");
    });
    this.radios = [...form.querySelectorAll("[type=radio]")];
    this.language = form.elements.language;
  }

  chosen({ name, value }) {
    if (name !== "language") this.look.choose(name, value);
    else if (!this.look.chooseLanguage(value)) this.dialogs["look-dialog"].showSentence(t("This browser blocks cookies here, and without them the language does not stay chosen."));
  }

  open(name) {
    for (const radio of this.radios) radio.checked = radio.value === (this.look.chosen[radio.name] ?? "");
    this.language.value = this.look.chosen.language ?? "";
    this.dialogs[`${name}-dialog`].open(name === "look" ? t("Appearance") : t("Keys"));
  }
}
