// The card of a person: who it is, and what one can do. One's own has the status to be set.

import { Dialog } from "./dialog.js";
import { dayAndTime } from "./day-and-time.js";
import { dateFormat, t } from "./language.js";
import { paint } from "./message.js";
import { roleName } from "./standing.js";
import { statusEnd } from "./status-end.js";
import { visible } from "./visible-text.js";

const day = dateFormat({ dateStyle: "long" });

const OF_MESSAGES = ["about", "copy", "link"]; // which a menu has, and a card has not

export class PersonCard {
  /**
   * ask(verb, payload) -> Promise of the ack; actions(subject): what a menu on them has, [{do, label, isGrave?}]; act(name, subject);
   * ways: {mention(person)}; rename(): the dialog of one's nickname; saved(me): the
   * server has one's new status; now(): its time.
   */
  constructor({ overlays, layout, me, ask, actions, act, ways, rename, saved, now }) {
    Object.assign(this, { me, ask, actions, act, ways, saved, now });
    this.dialog = new Dialog("card-dialog", { overlays, layout, submitted: () => this.save() });
    this.fields = this.dialog.form.elements;
    this.dialog.part("actions").addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
    this.dialog.part("rename").addEventListener("click", () => (this.dialog.close(), rename()));
    this.dialog.part("clear").addEventListener("click", () => ((this.fields.text.value = ""), this.save()));
  }

  /** subject: {person: {id, nickname, role?, status?, away?, reserved?}, message?} */
  async open(subject) {
    this.subject = subject;
    const isMe = this.me.is(subject.person.id);
    for (const name of ["own", "buttons"]) this.dialog.part(name).hidden = !isMe;
    this.dialog.part("close").hidden = isMe;
    this.dialog.open(visible(subject.person.nickname));
    this.draw(subject.person);
    if (isMe) this.fillOwn();
    else this.drawActions();
    const { ok, person } = await this.ask("person", { person: subject.person.id });
    if (ok && this.dialog.isOpen && this.subject === subject) this.draw({ ...subject.person, ...person });
  }

  draw({ id, nickname, role, status, away, reserved, since, last_seen }) {
    const part = (name) => this.dialog.part(name);
    paint(part("avatar"), id, nickname);
    part("avatar").classList.toggle("is-away", Boolean(away));
    write(part("role"), roleName(role));
    part("lock").hidden = !reserved;
    write(part("status"), status ? visible(status) : "");
    write(part("away"), away ? t("Away") : "");
    write(part("since"), since ? t("Here since {day}", { day: day.format(new Date(since)) }) : "");
    write(part("last"), last_seen ? t("Seen last {time}", { time: dayAndTime(last_seen) }) : "");
  }

  drawActions() {
    const { person } = this.subject;
    const isIgnored = this.me.ignores(person.id);
    const all = this.actions(this.subject).filter((one) => !OF_MESSAGES.includes(one.do));
    const ways = [...all.filter((one) => one.do === "message").map((one) => ({ ...one, label: t("Message") })), { do: "mention", label: t("Mention") }];
    const first = (isIgnored ? [] : ways).map((one, at) => button({ ...one, className: at === 0 ? "button" : "button button-quiet" }));
    const others = all.filter((one) => one.do !== "message").map((one) => button({ ...one, className: one.isGrave ? "text-button is-grave" : "text-button" }));
    this.dialog.part("ways").replaceChildren(...first);
    this.dialog.part("others").replaceChildren(...others);
  }

  pressed(pressed) {
    if (!pressed) return;
    const { subject } = this;
    const name = pressed.dataset.do;
    this.dialog.close();
    if (this.ways[name]) this.ways[name](subject.person);
    else this.act(name, subject);
  }

  fillOwn() {
    this.dialog.part("ways").replaceChildren();
    this.dialog.part("others").replaceChildren();
    const { status = "", status_until, shows_last_seen = false } = this.me.about;
    this.fields.text.value = status;
    this.fields.last_seen.checked = shows_last_seen;
    const until = this.dialog.part("until");
    until.hidden = !status_until;
    until.textContent = status_until ? t("until {time}", { time: dayAndTime(status_until) }) : "";
    until.value = status_until ?? "none";
    this.fields.until.value = status_until ?? "";
    this.dialog.part("clear").hidden = !status;
    this.fields.text.focus({ preventScroll: true });
  }

  async save() {
    if (!this.me.is(this.subject.person.id)) return;
    const { text, until, last_seen } = this.fields;
    const ends = text.value.trim() ? statusEnd(until.value, this.now()) : null;
    const ack = await this.ask("status", { text: text.value, ...(ends && { until: ends }), last_seen: last_seen.checked });
    if (!this.dialog.isOpen) return;
    if (!ack.ok) {
      this.dialog.showSentence(ack.text);
      return;
    }
    this.saved(ack.me);
    this.dialog.close();
  }
}

function button({ do: name, label, className }) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = className;
  made.dataset.do = name;
  made.textContent = label;
  return made;
}

/** An empty text takes no space. */
function write(element, text) {
  element.textContent = text;
  element.hidden = !text;
}
