// A row of a list that leads to a message: who said it where and when, and what was said.

import { dayAndTime } from "./day-and-time.js";
import { parts } from "./language.js";
import { visible } from "./visible-text.js";

/** partner: whom it was said to in a room of two, empty elsewhere. fill(element): writes what was said. The row's button has the message's room and seq as data. */
export function messageLink({ room, seq, nickname, at }, partner, fill) {
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
  const time = dayAndTime(at);
  head.append(...(partner ? parts("{who} with {person}, {time}", { who, person: partner, time }) : parts("{who} in {room}, {time}", { who, room: `#${room}`, time })));
  said.className = "found-text";
  said.dir = "auto";
  fill(said);
  button.append(head, said);
  item.append(button);
  return item;
}
