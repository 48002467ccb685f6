// What stands in a room in which nobody has said anything: what one can do there.

import { isolate, write } from "./isolate.js";
import { t } from "./language.js";

export class EmptyRoom {
  /** act(name): a button: link, invite or topic. */
  constructor({ act }) {
    this.element = document.getElementById("room-empty");
    this.element.addEventListener("click", ({ target }) => target.dataset.do && act(target.dataset.do));
  }

  draw(room, isDirect) {
    const isEmpty = room.rev !== null && room.messages.length === 0 && !room.hasOlder && !room.refusal;
    this.element.hidden = !isEmpty;
    this.element.parentElement.classList.toggle("is-empty", isEmpty);
    if (!isEmpty) return;
    const [title, text] = this.element.querySelectorAll("h2, p");
    write(title, isDirect ? t("You and {who}", { who: isolate(room.title ?? t("somebody")) }) : t("Nobody has said anything here yet"));
    text.textContent = isDirect
      ? t("Only the two of you read what is said here. It is in no list, and nobody else can come in.")
      : t("Say the first words below, or fetch the others: send them the link of this room.");
    for (const button of this.element.querySelectorAll("button")) button.hidden = isDirect || !this.may(room, button.dataset.do);
  }

  may({ rules }, name) {
    if (name === "invite") return rules.mayInvite;
    return name !== "topic" || (rules.maySetTopic && !rules.topic);
  }
}
