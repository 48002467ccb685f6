// A row of a list that leads to a message: who said it where and when, and what was said.

import { visible } from "./visible-text.js";

const when = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });

/** place: as "in #lobby". fill(element): writes what was said. The row's button has the message's room and seq as data. */
export function messageLink({ room, seq, nickname, at }, place, fill) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  const head = document.createElement("span");
  const who = document.createElement("bdi");
  const said = document.createElement("span");
  button.type = "button";
  button.className = "found-row";
  Object.assign(button.dataset, { room, seq });
  head.className = "found-head";
  who.className = "found-author";
  who.textContent = visible(nickname);
  head.append(who, ` ${place}, ${when.format(new Date(at))}`);
  said.className = "found-text";
  said.dir = "auto";
  fill(said);
  button.append(head, said);
  item.append(button);
  return item;
}
