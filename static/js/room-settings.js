// The owner's dialog for the room: what it is like and who comes in.

import { Dialog } from "./dialog.js";
import { t, tn } from "./language.js";
import { changedSettings } from "./room-rules.js";

export class RoomSettings {
  /** save(changed) answers a promise of a sentence; saved(sentence). */
  constructor({ overlays, layout, save, saved }) {
    Object.assign(this, { save, saved });
    this.dialog = new Dialog("settings-dialog", { overlays, layout, submitted: () => this.submit() });
    this.dialog.form.elements.door.forEach((one) => one.addEventListener("change", () => this.showDoor()));
  }

  open(room) {
    const { topic, topic_by, welcome, listed, locked, slow, passphrase, keep_days } = room.rules;
    const fields = this.dialog.form.elements;
    this.rules = { topic, topic_by, welcome, listed, locked, slow, passphrase, keep_days };
    fields.topic.value = topic;
    fields.topic_by.checked = topic_by === "owner";
    fields.welcome.value = welcome;
    fields.listed.checked = listed;
    fields.door.value = locked ? "locked" : passphrase ? "passphrase" : "open";
    fields.passphrase.value = "";
    fields.passphrase.placeholder = passphrase ? t("leave empty to keep the present one") : "";
    choose(fields.slow, String(slow), tn("one message every second", "one message every {n} s", slow));
    choose(fields.keep_days, String(keep_days ?? ""), tn("for {n} day", "for {n} days", keep_days ?? 0));
    this.showDoor();
    this.dialog.open(t("Settings of {room}", { room: `#${room.name}` }));
    fields.topic.focus();
  }

  showDoor() {
    this.dialog.part("passphrase").hidden = this.dialog.form.elements.door.value !== "passphrase";
  }

  async submit() {
    const { topic, topic_by, welcome, listed, door, passphrase, slow, keep_days } = this.dialog.form.elements;
    if (door.value === "passphrase" && !passphrase.value && !this.rules.passphrase) {
      this.dialog.showSentence(t("Which words? 8 characters at least."));
      passphrase.focus();
      return;
    }
    const changed = changedSettings(this.rules, {
      topic: topic.value.trim(),
      topic_by: topic_by.checked ? "owner" : "member",
      welcome: welcome.value.trim(),
      listed: listed.checked,
      locked: door.value === "locked",
      passphrase: door.value === "passphrase" ? passphrase.value : door.value === "open" ? null : "",
      slow: Number(slow.value),
      keep_days: keep_days.value === "" ? null : Number(keep_days.value),
    });
    if (Object.keys(changed).length === 0) {
      this.dialog.close();
      return;
    }
    const refusal = await this.save(changed);
    if (refusal) {
      this.dialog.showSentence(refusal);
      return;
    }
    this.dialog.close();
    this.saved(t("The settings are saved."));
  }
}

/** A value that is none of the choices (by /slow, or by the operator) is one more of them. */
function choose(select, value, text) {
  const known = [...select.options].some((one) => one.value === value);
  if (!known) select.append(new Option(text, value));
  select.value = value;
}
