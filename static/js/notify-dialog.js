// The dialog about notifications: of the room that is shown, and of this browser. What is chosen holds at once.

import { Dialog } from "./dialog.js";
import { t } from "./language.js";
import { labelOf } from "./room-name.js";

const WHY_NOT = {
  denied: t("This browser does not let the site notify you. You can change that in the settings of the site, beside the address."),
  missing: t("This browser has no notifications."),
};

export class NotifyDialog {
  /** notices: see browser-notices.js; push: see push-choice.js; chosen(room, level): of the room; changed(): of this browser. */
  constructor({ overlays, layout, choices, notices, push, chosen, changed }) {
    Object.assign(this, { choices, notices, push, chosen, changed });
    this.dialog = new Dialog("notify-dialog", { overlays, layout, submitted: () => this.dialog.close() });
    this.fields = this.dialog.form.elements;
    this.dialog.form.addEventListener("change", ({ target }) => this.fieldChanged(target));
    this.dialog.part("try").addEventListener("click", () => notices.play());
  }

  open(room) {
    this.room = room;
    this.dialog.part("legend").textContent = t("From {room}", { room: labelOf(room) });
    this.dialog.open(t("Notifications"));
    this.draw();
    [...this.fields.level].find(({ checked }) => checked).focus({ preventScroll: true });
  }

  draw() {
    const { how, quiet } = this.choices;
    const { permission } = this.notices;
    this.fields.level.value = this.choices.level(this.room);
    this.fields.desktop.checked = how.desktop && permission === "granted";
    this.fields.desktop.disabled = permission in WHY_NOT;
    this.fields.push.checked = (this.wantsPush ?? this.push.isOn) && permission === "granted";
    this.fields.push.disabled = permission in WHY_NOT;
    this.dialog.part("push").hidden = !this.push.isPossible;
    this.fields.sound.checked = how.sound;
    this.fields.quiet.checked = quiet.isOn;
    this.fields.from.value = quiet.from;
    this.fields.to.value = quiet.to;
    this.dialog.part("hours").hidden = !quiet.isOn;
    this.dialog.showSentence(WHY_NOT[permission] ?? "", false);
  }

  async fieldChanged({ name, value, checked }) {
    if (name === "level") this.chosen(this.room, value);
    if (name === "desktop") await this.desktopChanged(checked);
    if (name === "push") await this.pushChanged(checked);
    if (name === "sound") this.choices.set("sound", checked);
    if (["quiet", "from", "to"].includes(name)) {
      const { quiet, from, to } = this.fields;
      this.choices.setQuiet({ isOn: quiet.checked, from: from.value, to: to.value });
      this.dialog.part("hours").hidden = !quiet.checked;
    }
    this.changed();
  }

  async pushChanged(isWanted) {
    let refusal = "";
    this.wantsPush = isWanted; // until it is so, and drawn so meanwhile
    if (!isWanted) await this.push.turnOff();
    else if (await this.notices.askPermission()) refusal = await this.push.turnOn();
    this.wantsPush = undefined;
    this.draw();
    if (refusal) this.dialog.showSentence(refusal);
  }

  async desktopChanged(isWanted) {
    this.choices.set("desktop", isWanted && (await this.notices.askPermission()));
    this.draw();
  }
}
