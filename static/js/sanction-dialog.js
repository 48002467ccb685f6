// The dialogs in which one says why, and for how long: mute, ban, remove somebody; report a message.

import { Dialog } from "./dialog.js";
import { isolate } from "./isolate.js";
import { t } from "./language.js";
import { quoteOf } from "./reply.js";
import { visible } from "./visible-text.js";

const VERBS = {
  mute: { title: (name) => t("Mute {name}", { name }), text: t("They can read on, but not speak."), submit: t("Mute"), hasLength: true, minutes: "10" },
  ban: { title: (name) => t("Ban {name}", { name }), text: t("They cannot read or speak here, under this name or any other."), submit: t("Ban"), hasLength: true, minutes: "1440" },
  kick: { title: (name) => t("Remove {name} from the room", { name }), text: t("They can come back after ten seconds."), submit: t("Remove") },
};

export class SanctionDialog {
  /** decided(verb, person, {minutes, reason, address}) answers a promise of a sentence. */
  constructor({ overlays, layout, decided }) {
    Object.assign(this, { decided });
    this.dialog = new Dialog("sanction-dialog", { overlays, layout, submitted: () => this.submit() });
    const { duration, other } = this.fields;
    duration.addEventListener("change", () => {
      this.dialog.part("other").hidden = duration.value !== "other";
      if (duration.value === "other") other.focus();
    });
  }

  get fields() {
    return this.dialog.form.elements;
  }

  open(verb, person) {
    const { title, text, submit, hasLength = false, minutes = "" } = VERBS[verb];
    const { duration, reason, address, other } = this.fields;
    Object.assign(this, { verb, person });
    this.dialog.part("text").textContent = text;
    this.dialog.part("submit").textContent = submit;
    this.dialog.part("length").hidden = !hasLength;
    this.dialog.part("other").hidden = true;
    this.dialog.part("address").hidden = verb !== "ban";
    duration.value = minutes;
    reason.value = other.value = "";
    address.checked = true;
    this.dialog.open(title(isolate(visible(person.nickname))));
    (hasLength ? duration : reason).focus();
  }

  async submit() {
    const minutes = this.minutes;
    if (Number.isNaN(minutes)) {
      this.dialog.showSentence(t("How many minutes? A number above 0."));
      this.fields.other.focus();
      return;
    }
    const { verb } = this;
    const choice = { minutes, reason: this.fields.reason.value.trim(), ...(verb === "ban" && { address: this.fields.address.checked }) };
    const refusal = await this.decided(verb, this.person, choice);
    if (refusal) this.dialog.showSentence(refusal);
    else this.dialog.close();
  }

  /** undefined is for good; NaN where what was typed is no length. */
  get minutes() {
    const { duration, other } = this.fields;
    if (this.dialog.part("length").hidden || duration.value === "") return undefined;
    if (duration.value !== "other") return Number(duration.value);
    const typed = Number(other.value.trim().replace(",", "."));
    return other.value.trim() && typed > 0 ? typed : NaN;
  }
}

export class ReportDialog {
  /** decided(message, text) answers a promise of a sentence. */
  constructor({ overlays, layout, decided }) {
    Object.assign(this, { decided });
    this.dialog = new Dialog("report-dialog", { overlays, layout, submitted: () => this.submit() });
  }

  open(message) {
    this.message = message;
    const { nickname, text } = quoteOf(message);
    this.dialog.form.elements.text.value = "";
    this.dialog.part("quote").textContent = t("{name}: {text}", { name: visible(nickname ?? ""), text: visible(text) });
    this.dialog.open(t("Report this message"));
    this.dialog.form.elements.text.focus();
  }

  async submit() {
    const refusal = await this.decided(this.message, this.dialog.form.elements.text.value.trim());
    if (refusal) this.dialog.showSentence(refusal);
    else this.dialog.close();
  }
}
