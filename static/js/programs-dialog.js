// The owner's dialog for the programs of a room: bots, and hooks both ways. What only the server knows is shown once.

import { copied } from "./clipboard.js";
import { Dialog } from "./dialog.js";
import { isolate, write } from "./isolate.js";
import { sequence, t, tn } from "./language.js";
import { moment } from "./room-door.js";
import { visible } from "./visible-text.js";

const KINDS = {
  bot: { verb: "bot", name: t("Name of the bot"), isNameNeeded: true },
  incoming: { verb: "hook", name: t("Name of the hook"), isNameNeeded: false },
  outgoing: { verb: "hook", name: t("Name of the hook"), isNameNeeded: false },
};
/** What is shown once, by the names that the server has for it. */
const SECRETS = {
  token: { label: t("Token"), copy: t("Copy token") },
  secret: { label: t("Signing secret"), copy: t("Copy signing secret") },
  post: { label: t("Address to post to"), copy: t("Copy address to post to") },
};

export class ProgramsDialog {
  /** ask(verb, payload) -> Promise of the ack. */
  constructor({ overlays, layout, ask }) {
    Object.assign(this, { ask });
    this.dialog = new Dialog("programs-dialog", { overlays, layout, submitted: () => this.add(), closed: () => this.forget() });
    this.list = this.dialog.part("list");
    this.fields = this.dialog.form.elements;
    this.fields.kind.forEach((one) => one.addEventListener("change", () => this.showKind()));
    this.list.addEventListener("click", ({ target }) => this.pressed(target.closest("button")));
    this.list.addEventListener("focusout", ({ target }) => target.matches("button.is-sure") && unsure(target));
    this.dialog.part("made").addEventListener("click", ({ target }) => this.copy(target.closest("button")));
  }

  open(room) {
    this.room = room;
    this.forget();
    this.showKind();
    this.list.replaceChildren();
    this.dialog.open(t("Bots and hooks of {room}", { room: `#${room.name}` }));
    return this.read();
  }

  showKind() {
    const kind = this.fields.kind.value;
    write(this.dialog.part("name"), KINDS[kind].name);
    this.dialog.part("optional").hidden = KINDS[kind].isNameNeeded;
    this.dialog.part("address").hidden = kind !== "outgoing";
  }

  /** What the room has; the sentence of whoever asked for it stays. */
  async read() {
    const { name } = this.room;
    const [bots, hooks] = [await this.ask("bot", { room: name }), await this.ask("hooks", { room: name })];
    if (!this.dialog.isOpen || this.room.name !== name) return;
    if (!bots.ok || !hooks.ok) {
      this.dialog.showSentence((bots.ok ? hooks : bots).text);
      return;
    }
    this.list.replaceChildren(...bots.bots.map(botRow), ...hooks.hooks.map(hookRow));
    this.dialog.part("empty").hidden = this.list.childElementCount > 0;
  }

  async add() {
    const { kind, program, target } = this.fields;
    const { verb, isNameNeeded } = KINDS[kind.value];
    const nickname = program.value.trim();
    const url = kind.value === "outgoing" ? target.value.trim() : "";
    if (isNameNeeded && !nickname) return this.wants(t("Which name is it to bear?"), program);
    if (kind.value === "outgoing" && !url) return this.wants(t("Where is it to be delivered? For example: https://example.org/hook"), target);
    const ack = await this.ask(verb, { room: this.room.name, ...(nickname && { nickname }), ...(url && { url }) });
    if (!ack.ok) return this.wants(ack.text, ack.field === "url" ? target : program);
    this.showMade(ack.bot ?? ack.hook);
    program.value = target.value = "";
    await this.read();
  }

  wants(sentence, field) {
    this.dialog.showSentence(sentence);
    field.focus();
  }

  /** Secrets of what was made, each with a button that copies it. */
  showMade({ nickname, ...made }) {
    const box = this.dialog.part("made");
    const secrets = Object.keys(SECRETS).filter((name) => made[name] && (name !== "secret" || made.url)); // an incoming hook's is in its address
    const about = document.createElement("p");
    write(about, t("{name} is in the room. This is shown once: copy it to where it is needed.", { name: isolate(visible(nickname)) }));
    box.replaceChildren(about, ...secrets.map((name) => secretField(name, made[name])));
    box.hidden = false;
    this.dialog.showSentence("");
    box.querySelector("button").focus();
  }

  async copy(button) {
    if (!button) return;
    const input = button.previousElementSibling;
    input.select();
    const isCopied = await copied(input.value);
    this.dialog.showSentence(isCopied ? t("Copied.") : t("Copy the selected text with your keyboard or by a long press."), false);
  }

  /** The first press asks, the second one removes. */
  async pressed(button) {
    if (!button) return;
    if (!button.classList.contains("is-sure")) {
      button.classList.add("is-sure");
      button.textContent = t("Remove for good");
      return;
    }
    const { verb, id } = button.dataset;
    const ack = await this.ask(verb, { room: this.room.name, remove: id });
    this.dialog.showSentence(ack.ok ? t("It is removed.") : ack.text, !ack.ok);
    await this.read();
    this.dialog.title.focus();
  }

  /** Secrets do not stay in the page. */
  forget() {
    this.dialog.part("made").replaceChildren();
    this.dialog.part("made").hidden = true;
  }
}

function botRow({ id, nickname, since, by }) {
  return row({ verb: "bot", id, nickname }, t("a bot"), [t("since {time}", { time: moment(since) }), by && t("by {who}", { who: isolate(visible(by)) })]);
}

function hookRow({ id, nickname, since, url, waiting, trouble, given_up: givenUp }) {
  const about = [t("since {time}", { time: moment(since) })];
  if (givenUp) about.push(t("given up {time}", { time: moment(givenUp) }));
  else if (waiting) about.push(tn("{n} waits", "{n} wait", waiting));
  const made = row({ verb: "hook", id, nickname }, url ? t("delivers to {url}", { url: isolate(visible(url)) }) : t("posts here"), about);
  if (trouble) {
    const why = document.createElement("p");
    why.className = "entry-reason";
    write(why, visible(trouble));
    made.querySelector(".quiet").after(why);
  }
  return made;
}

function row({ verb, id, nickname }, what, about) {
  const made = document.createElement("li");
  const [name, quiet, button] = ["p", "p", "button"].map((tag) => document.createElement(tag));
  write(name, `${isolate(visible(nickname))} · ${what}`);
  write(quiet, sequence(about.filter(Boolean)));
  quiet.className = "quiet";
  button.type = "button";
  button.className = "text-button";
  button.textContent = t("Remove");
  button.setAttribute("aria-label", t("Remove {name}", { name: visible(nickname) }));
  Object.assign(button.dataset, { verb, id });
  made.className = "program";
  made.append(name, quiet, button);
  return made;
}

function unsure(button) {
  button.classList.remove("is-sure");
  button.textContent = t("Remove");
}

function secretField(name, value) {
  const field = document.createElement("div");
  const [words, input, button] = ["label", "input", "button"].map((tag) => document.createElement(tag));
  field.className = "field secret";
  words.textContent = SECRETS[name].label;
  input.id = words.htmlFor = `secret-${name}`;
  Object.assign(input, { value, readOnly: true, dir: "ltr", autocomplete: "off" });
  button.type = "button";
  button.className = "button button-quiet";
  button.textContent = t("Copy");
  button.setAttribute("aria-label", SECRETS[name].copy);
  field.append(words, input, button);
  return field;
}
