// What moderators look at: reports, who is banned or muted (with a button that lifts it), and what was done.

import { auditLine } from "./audit-text.js";
import { Dialog } from "./dialog.js";
import { isolate, write } from "./isolate.js";
import { isRightToLeft, t } from "./language.js";
import { moment } from "./room-door.js";
import { visible } from "./visible-text.js";

const EMPTY = { reports: t("Nothing has been reported."), sanctions: t("Nobody is banned or muted."), audit: t("No moderator has done anything yet.") };
const SANCTIONS = {
  ban: (name, time) => (time ? t("{name} is banned until {time}", { name, time }) : t("{name} is banned for good", { name })),
  mute: (name, time) => (time ? t("{name} is muted until {time}", { name, time }) : t("{name} is muted for good", { name })),
};
const NEXT = isRightToLeft ? -1 : 1; // the tab to the right
const MAX_PAGES = 10; // of the audit that are looked through for reports at once

export class ModerationDialog {
  /**
   * ask(verb, payload) -> Promise of the ack; lift(kind, person) answers a promise of a sentence; jump(seq) shows a reported
   * message.
   */
  constructor({ overlays, layout, ask, lift, jump }) {
    Object.assign(this, { ask, lift, jump, tab: "reports" });
    this.dialog = new Dialog("moderation-dialog", { overlays, layout });
    this.list = this.dialog.part("list");
    this.more = this.dialog.part("more");
    this.tabs = [...this.dialog.card.querySelectorAll("[role=tab]")];
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.show(tab.dataset.tab));
      tab.addEventListener("keydown", (event) => this.tabKey(event));
    }
    this.more.addEventListener("click", () => this.read());
    this.list.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
  }

  open(room, tab = "reports") {
    this.room = room;
    this.dialog.open(t("Moderation of {room}", { room: `#${room.name}` }));
    this.show(tab);
    this.tabs.find((one) => one.dataset.tab === tab).focus();
  }

  show(tab) {
    this.tab = tab;
    this.before = undefined;
    this.list.replaceChildren();
    for (const one of this.tabs) {
      const isShown = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(isShown));
      one.tabIndex = isShown ? 0 : -1;
      if (isShown) this.dialog.part("panel").setAttribute("aria-labelledby", one.id);
    }
    this.read();
  }

  tabKey(event) {
    const step = { ArrowLeft: -NEXT, ArrowRight: NEXT }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = this.tabs[(this.tabs.indexOf(event.target) + step + this.tabs.length) % this.tabs.length];
    this.show(next.dataset.tab);
    next.focus();
  }

  async read() {
    const { tab } = this;
    const entries = await (tab === "sanctions" ? this.sanctions() : this.entries(tab));
    if (tab !== this.tab || !this.dialog.isOpen) return;
    if (!entries) return;
    this.list.append(...entries);
    const empty = this.dialog.part("empty");
    empty.hidden = this.list.childElementCount > 0;
    empty.textContent = EMPTY[tab];
  }

  async sanctions() {
    this.more.hidden = true;
    const ack = await this.asked("sanctions", {});
    return ack && ack.sanctions.map(sanctionRow);
  }

  /** The next entries of the audit; of reports alone, page after page until there is something to show. */
  async entries(tab) {
    const found = [];
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const ack = await this.asked("audit", this.before ? { before: this.before } : {});
      if (!ack || tab !== this.tab) return null;
      this.before = ack.entries.at(-1)?.number;
      this.more.hidden = !ack.more;
      found.push(...ack.entries.filter(({ what }) => tab !== "reports" || what === "report"));
      if (!ack.more || found.length > 0) break;
    }
    return found.map(entryRow);
  }

  async asked(verb, payload) {
    const ack = await this.ask(verb, { room: this.room.name, ...payload });
    this.dialog.showSentence(ack.ok ? "" : ack.text);
    return ack.ok ? ack : null;
  }

  async pressed(button) {
    if (!button) return;
    const { seq, kind, person } = button.dataset;
    if (seq) {
      this.dialog.close();
      this.jump(Number(seq));
      return;
    }
    const refusal = await this.lift(kind, { id: person });
    if (refusal) {
      this.dialog.showSentence(refusal);
      return;
    }
    button.closest("li").remove();
    this.tabs.find((one) => one.dataset.tab === this.tab).focus();
    this.dialog.part("empty").hidden = this.list.childElementCount > 0;
    this.dialog.part("empty").textContent = EMPTY[this.tab];
  }
}

function sanctionRow({ person, nickname, kind, at, by, until, reason }) {
  const name = isolate(visible(nickname));
  const row = line(SANCTIONS[kind](name, until && moment(until)), t("by {who}, {time}", { who: isolate(visible(by)), time: moment(at) }), reason);
  const button = row.appendChild(action(kind === "ban" ? t("Lift the ban") : t("Let them speak")));
  Object.assign(button.dataset, { kind, person });
  return row;
}

function entryRow(entry) {
  const { text, reason } = auditLine({ ...entry, who: visible(entry.who), whom: entry.whom && visible(entry.whom) });
  const row = line(text, moment(entry.at), reason);
  if (entry.seq && entry.what !== "delete") row.appendChild(action(t("Show message"))).dataset.seq = entry.seq;
  return row;
}

function line(text, about, reason) {
  const row = document.createElement("li");
  const words = document.createElement("p");
  const quiet = document.createElement("p");
  write(words, text);
  write(quiet, about);
  quiet.className = "quiet";
  row.append(words);
  if (reason) {
    const why = document.createElement("p");
    why.className = "entry-reason";
    why.dir = "auto";
    why.textContent = visible(reason);
    row.append(why);
  }
  row.append(quiet);
  return row;
}

function action(label) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "text-button";
  button.textContent = label;
  return button;
}
