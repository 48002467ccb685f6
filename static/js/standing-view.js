// What the room's rules mean for the message box and the page around it: muted, slow mode, the countdowns, the welcome text,
// the marks of a closed room. Ticks once a second while something counts down.

import { t } from "./language.js";
import { isDirect } from "./room-name.js";
import { silencedBy, silenceSentence } from "./standing.js";
import { drawn } from "./words.js";

const TICK_MS = 1_000;

export class StandingView {
  /**
   * storage: where it stands which welcome was dismissed; loadDoorway() -> Promise of a DoorwayView, of null where it cannot be had;
   * lastOwn(room): ms; ticked(): answers whether others count down too.
   */
  constructor({ storage, clock, composer, loadDoorway, lastOwn, ticked }) {
    Object.assign(this, { storage, clock, composer, loadDoorway, lastOwn, ticked, doorway: null });
    this.conversation = document.getElementById("conversation");
    this.welcome = document.getElementById("room-welcome");
    this.marks = document.getElementById("room-marks");
    this.welcome.lastElementChild.addEventListener("click", () => {
      this.storage.set(`welcome:${this.room.name}`, this.room.rules.welcome);
      this.welcome.hidden = true;
    });
  }

  show(room) {
    this.room = room;
    this.showDoorway(room);
    this.drawWelcome(room);
    this.drawMarks(room);
    this.tick();
  }

  /** It is loaded for whoever comes to a closed door. */
  showDoorway(room) {
    this.conversation.classList.toggle("is-shut", Boolean(room.refusal));
    this.conversation.classList.toggle("is-blank", Boolean(room.refusal) && room.rev === null);
    if (this.doorway) this.doorway.show(room);
    else if (room.refusal) this.loadDoorway().then((doorway) => doorway && ((this.doorway = doorway), this.room && this.show(this.room)));
  }

  tick() {
    clearTimeout(this.timer);
    const { room } = this;
    if (!room) return;
    const now = this.clock.now();
    const silence = silencedBy(room.rules, this.lastOwn(room), now);
    this.composer.silence(silence ? silenceSentence(silence, now) : "");
    const counts = [Boolean(silence?.until), Boolean(this.doorway?.draw()), this.ticked()];
    if (counts.includes(true)) this.timer = setTimeout(() => this.tick(), TICK_MS);
  }

  drawWelcome({ name, rules: { welcome, welcome_words: words }, refusal }) {
    const isDismissed = this.storage.get(`welcome:${name}`) === welcome;
    this.welcome.hidden = !welcome || isDismissed || Boolean(refusal);
    this.welcome.querySelector(".welcome-text").replaceChildren(drawn(words ?? welcome));
  }

  drawMarks(room) {
    const { locked, passphrase, listed } = room.rules;
    const marks = isDirect(room) ? [t("only the two of you")] : [locked ? t("locked") : passphrase && t("passphrase"), !listed && t("unlisted")].filter(Boolean);
    this.marks.textContent = marks.join(" · ");
    this.marks.hidden = marks.length === 0;
  }
}
