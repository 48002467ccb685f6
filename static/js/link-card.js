// The card under a message: what the page to which it links says of itself, as the server tells it, or what this site says of
// a room or message of its own (own-cards.js).

import { dayAndTime } from "./day-and-time.js";
import { t, tn } from "./language.js";
import { part } from "./message-parts.js";
import { visible } from "./visible-text.js";

/** card: as the server tells it, or as `ownCard` makes it; mayHide: somebody who may remove it reads this. */
export function fillCard(row, card, mayHide) {
  const box = part(row, "message-card", Boolean(card));
  if (!card) return;
  const drawn = JSON.stringify([card, mayHide]);
  if (box.dataset.drawn === drawn) return;
  box.dataset.drawn = drawn;
  box.replaceChildren(linkOf(card), ...(mayHide ? [hideButton()] : []));
}

/** In the shape of a card: `{room, topic, people, seq?, nickname?, at?, text?, file?}` of the verb `preview`, to which url leads. */
export function ownCard(url, { room, topic, people, seq, nickname, at, text, file }) {
  const place = t("in #{room}", { room });
  if (!seq) return { url, room, title: `#${room}`, description: topic, site: tn("{n} person here", "{n} people here", people) };
  return { url, room, seq, title: nickname, description: text || (file ?? ""), site: `${place} · ${dayAndTime(at)}` };
}

function linkOf({ url, title, description, site, host, room, seq }) {
  const link = document.createElement("a");
  link.className = "link-card";
  if (/^https?:\/\//i.test(url)) link.href = url;
  Object.assign(link, { target: "_blank", rel: "noopener noreferrer nofollow" });
  if (room) Object.assign(link.dataset, { room, ...(seq && { seq }) });
  const where = textIn("link-card-site", "", site);
  if (host && host !== site) where.append(" · ", isolated(host));
  link.append(where, textIn("link-card-title", "auto", title), ...(description ? [textIn("link-card-about", "auto", description)] : []));
  return link;
}

function textIn(name, dir, text) {
  const element = document.createElement("span");
  element.className = name;
  if (dir) element.dir = dir;
  element.append(dir ? visible(text) : isolated(text));
  return element;
}

function isolated(text) {
  const element = document.createElement("bdi");
  element.textContent = visible(text);
  return element;
}

function hideButton() {
  const button = document.createElement("button");
  const label = t("Remove this card");
  Object.assign(button, { type: "button", className: "link-card-hide", title: label });
  button.setAttribute("aria-label", label);
  return button;
}

/** hide(seq); open(room, seq): a card of this site leads there within this page. */
export function listenToCards(log, { hide, open }) {
  log.addEventListener("click", (event) => {
    const button = event.target.closest?.(".link-card-hide");
    const link = event.target.closest?.(".link-card[data-room]");
    if (button) hide(Number(button.closest(".message").dataset.seq));
    else if (link && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      open(link.dataset.room, Number(link.dataset.seq) || null);
    }
  });
}
