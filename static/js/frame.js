// What stands around the conversation: the room's head, the page's title, one's own name, and what the door hides.

import { keptBriefly, keptIn } from "./keeping.js";
import { paint } from "./message.js";

const BEHIND_DOOR = ["conversation", "drawer", "drawer-button"];
const printed = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "short" });
const element = (id) => document.getElementById(id);

export class Frame {
  constructor({ site }) {
    this.site = site;
    // On paper nothing else tells which day "Today" was.
    window.addEventListener("beforeprint", () => (element("printed").textContent = `As of ${printed.format(new Date())}`));
  }

  get isInside() {
    return document.body.classList.contains("is-inside");
  }

  enter() {
    for (const part of BEHIND_DOOR) Object.assign(element(part), { hidden: false, inert: false });
    document.body.classList.add("is-inside");
  }

  leave() {
    for (const part of BEHIND_DOOR) element(part).hidden = true;
    document.body.classList.remove("is-inside");
  }

  /** Seen, but out of reach while the box is in front of it. */
  stepBack() {
    for (const part of BEHIND_DOOR) element(part).inert = true;
  }

  showHead({ name, topic, keep }) {
    element("room-name").textContent = name;
    write(element("room-topic"), topic);
    write(element("room-keep"), keptBriefly(keep));
    element("room-topic").title = topic;
    element("room-keep").title = keptIn(keep);
  }

  showMe({ id, nickname, reserved }) {
    element("self-nickname").textContent = nickname;
    element("self-reserved").hidden = !reserved;
    paint(element("self-avatar"), id ?? nickname, nickname);
  }

  showUnread(name, unread, isElsewhere) {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${name} · ${this.site}`;
    document.querySelector(".drawer-unread").hidden = !isElsewhere;
  }
}

/** Nothing to say takes no place. */
function write(line, text) {
  line.textContent = text;
  line.hidden = !text;
}
