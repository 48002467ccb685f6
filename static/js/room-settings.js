// The owner's dialog for the room: what it is like and who comes in.

import { Dialog } from "./dialog.js";
import { changedSettings } from "./room-rules.js";

export class RoomSettings {
  /** save(changed) answers a promise of a sentence; saved(sentence). */
  constructor({ overlays, layout, save, saved }) {
    Object.assign(this, { save, saved });
    this.dialog = new Dialog("settings-dialog", { overlays, layout, submitted: () => this.submit() });
    this.dialog.form.elements.door.forEach((one) => one.addEventListener("change", () => this.showDoor()));
  }

  open(room) {
    const { topic, topic_by, welcome, listed, locked, slow, passphrase } = room.rules;
    const fields = this.dialog.form.elements;
    this.rules = { topic, topic_by, welcome, listed, locked, slow, passphrase };
    fields.topic.value = topic;
    fields.topic_by.checked = topic_by === "owner";
    fields.welcome.value = welcome;
    fields.listed.checked = listed;
    fields.door.value = locked ? "locked" : passphrase ? "passphrase" : "open";
    fields.passphrase.value = "";
    fields.passphrase.placeholder = passphrase ? "leave empty to keep the present one" : "";
    showSlow(fields.slow, slow);
    this.showDoor();
    this.dialog.open(`Settings of #${room.name}`);
    fields.topic.focus();
  }

  showDoor() {
    this.dialog.part("passphrase").hidden = this.dialog.form.elements.door.value !== "passphrase";
  }

  async submit() {
    const { topic, topic_by, welcome, listed, door, passphrase, slow } = this.dialog.form.elements;
    if (door.value === "passphrase" && !passphrase.value && !this.rules.passphrase) {
      this.dialog.showSentence("Which words? 8 characters at least.");
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
    this.saved("The settings are saved.");
  }
}

/** A length that is none of the choices, by /slow, is one more of them. */
function showSlow(select, slow) {
  const known = [...select.options].some(({ value }) => Number(value) === slow);
  if (!known) select.append(new Option(`one message every ${slow} s`, String(slow)));
  select.value = String(slow);
}
