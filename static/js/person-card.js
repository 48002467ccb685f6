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
   * ask(verb, payload) -> Promise of the ack; presence(): the active room's; actions(subject): what a menu on them has,
   * [{do, label, isGrave?}]; buttons: action-buttons.js, of the menus; act(name, subject); ways: {mention(person)}; rename(): the dialog of one's nickname; saved(me): the
   * server has one's new status; now(): its time.
   */
  constructor({ overlays, layout, me, ask, presence, actions, buttons, act, ways, rename, saved, now }) {
    Object.assign(this, { me, ask, presence, actions, buttons, act, ways, saved, now });
    this.dialog = new Dialog("card-dialog", { overlays, layout, submitted: () => this.save() });
    this.fields = this.dialog.form.elements;
    this.dialog.part("actions").addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
    this.dialog.part("rename").addEventListener("click", () => (this.dialog.close(), rename()));
    this.dialog.part("clear").addEventListener("click", () => ((this.fields.text.value = ""), this.save()));
  }

  /** subject: {person: {id, nickname, role?, status?, away?, reserved?}, message?} */
  async open(subject) {
    const { id, nickname } = subject.person;
    const isMe = this.me.is(id);
    Object.assign(this, { subject, known: null, here: this.presence().people.get(id) });
    for (const name of ["own", "buttons"]) this.dialog.part(name).hidden = !isMe;
    this.dialog.part("close").hidden = isMe;
    this.dialog.open(visible(nickname));
    this.draw();
    if (isMe) this.fillOwn();
    else this.drawActions();
    await this.learn();
  }

  /** Something of the room has changed: perhaps this person, or what one may do. */
  refresh() {
    if (!this.dialog.isOpen) return;
    const { id } = this.subject.person;
    const here = this.presence().people.get(id);
    const isOther = here !== this.here;
    this.here = here;
    this.draw();
    if (!this.me.is(id)) this.renewActions();
    if (isOther) this.learn();
  }

  /** Asks what everybody may know of this person: `known`. */
  async learn() {
    const { subject } = this;
    const { ok, person } = await this.ask("person", { person: subject.person.id });
    if (!ok || !this.dialog.isOpen || this.subject !== subject) return;
    this.known = person;
    this.draw();
  }

  /** The person as they are now: as the room shows them, else as the server answered last. */
  get person() {
    const { since, last_seen } = this.known ?? {};
    const role = this.presence().roles.get(this.subject.person.id);
    return { since, ...(!this.here && { last_seen }), ...(this.here ?? this.known ?? this.subject.person), role };
  }

  draw() {
    const part = (name) => this.dialog.part(name);
    const { id, nickname, role, status, away, reserved, since, last_seen } = this.person;
    this.dialog.showTitle(visible(nickname));
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
    for (const name of ["ways", "others"]) this.dialog.part(name).replaceChildren();
    this.renewActions();
    this.dialog.part("ways").firstElementChild?.classList.remove("button-quiet");
  }

  renewActions() {
    const { ways, others } = this.wantedActions();
    const { actionButton, renewActions } = this.buttons;
    renewActions(this.dialog.part("ways"), ways, (one) => actionButton(one, "button button-quiet"));
    renewActions(this.dialog.part("others"), others, (one) => actionButton(one, one.isGrave ? "text-button is-grave" : "text-button"));
  }

  /** {ways, others}: to reach them, and what else can be done. */
  wantedActions() {
    const all = this.actions({ ...this.subject, person: this.person }).filter((one) => !OF_MESSAGES.includes(one.do));
    const ways = [...all.filter((one) => one.do === "message").map((one) => ({ ...one, label: t("Message") })), { do: "mention", label: t("Mention") }];
    return { ways: this.me.ignores(this.subject.person.id) ? [] : ways, others: all.filter((one) => one.do !== "message") };
  }

  pressed(pressed) {
    if (!pressed || this.buttons.isOff(pressed)) return;
    const subject = { ...this.subject, person: this.person };
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

/** An empty text takes no space. */
function write(element, text) {
  element.textContent = text;
  element.hidden = !text;
}
