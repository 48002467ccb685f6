// One message on the page, from the one <template>. Said and pending ones are drawn by the same lines.

import { fillReactions } from "./reactions.js";
import { fillQuote } from "./reply.js";
import { drawn } from "./words.js";

const GROUPED_WITHIN = 5 * 60_000;
const STATES = { waiting: "Waiting for the connection", sending: "Sending", failed: "Failed", said: "Sent" };
const hour = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat([], { dateStyle: "full", timeStyle: "medium" });
const day = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const dayOfAnotherYear = new Intl.DateTimeFormat([], { dateStyle: "long" });

/** A new row, still without content. */
export function blankRow() {
  return document.getElementById("message-template").content.firstElementChild.cloneNode(true);
}

/**
 * Fills a row with a message as it looks now. `mine` gives it a mark of its state; `nickname` is one's own; `answered` is the
 * message it replies to, where that is held here.
 */
export function fill(row, message, { mine, nickname, answered }) {
  const part = (name) => row.querySelector(`.message-${name}`);
  row.dataset.kind = message.deleted ? "deleted" : message.kind;
  row.classList.toggle("is-mine", mine);
  paint(row.querySelector(".avatar"), message.author, message.nickname);
  part("author").textContent = message.nickname;
  part("author").style.setProperty("--hue", hueOf(message.author));
  fillTime(part("time"), new Date(message.at), message.edited);
  fillQuote(row, message.reply_to, answered);
  fillText(part("text"), message);
  fillReactions(row.querySelector(".reactions"), message.reactions ?? {}, nickname);
  fillState(row, mine ? (message.state ?? "said") : null, message.sentence);
}

/** What a row shows because of the one before it: a new day, or the same person still speaking. */
export function place(row, message, previous) {
  const newDay = !previous || new Date(previous.at).toDateString() !== new Date(message.at).toDateString();
  const header = row.querySelector(".message-day");
  header.hidden = !newDay;
  header.firstElementChild.textContent = newDay ? dayOf(new Date(message.at)) : "";
  row.classList.toggle("is-first", newDay || !continues(message, previous));
}

/** The round with somebody's initials, in the colour that is theirs. */
export function paint(avatar, id, nickname) {
  avatar.dataset.initials = initialsOf(nickname);
  avatar.style.setProperty("--hue", hueOf(id));
}

/** A message that is still on its way, in the shape of one that was said. */
export function asMessage(item, me) {
  const action = /^\/me\s+/.exec(item.text);
  return {
    ...item,
    author: me.id,
    nickname: me.nickname,
    kind: action ? "action" : "said",
    text: action ? item.text.slice(action[0].length) : item.text,
  };
}

function continues(message, previous) {
  if (previous.author !== message.author || previous.nickname !== message.nickname) return false;
  if (previous.kind !== "said" || message.kind !== "said" || message.reply_to) return false;
  return new Date(message.at) - new Date(previous.at) < GROUPED_WITHIN;
}

function fillTime(time, at, edited) {
  time.dateTime = at.toISOString();
  time.textContent = hour.format(at);
  time.title = edited ? `${full.format(at)}, edited ${full.format(new Date(edited))}` : full.format(at);
}

function fillText(paragraph, message) {
  paragraph.dir = "auto";
  paragraph.classList.toggle("is-edited", Boolean(message.edited) && !message.deleted);
  paragraph.classList.toggle("is-jumbo", message.kind === "said" && isOnlyEmoji(message.text));
  if (message.deleted) paragraph.replaceChildren("This message was deleted");
  else if (message.kind === "action") paragraph.replaceChildren(...action(message));
  else paragraph.replaceChildren(drawn(message.words ?? message.text));
}

function action(message) {
  const who = document.createElement("b");
  who.textContent = message.nickname;
  return ["* ", who, " ", drawn(message.words ?? message.text)];
}

function fillState(row, state, sentence) {
  const mark = row.querySelector(".message-state");
  mark.hidden = !state;
  const label = state === "waiting" && sentence ? "Waiting" : (STATES[state] ?? "");
  mark.setAttribute("aria-label", label);
  mark.title = label;
  row.dataset.state = state ?? "";
  row.querySelector(".message-trouble").hidden = state !== "failed" && !sentence;
  row.querySelector(".message-ways").hidden = state !== "failed";
  row.querySelector(".message-reason").textContent = sentence ?? "This was not sent.";
}

function dayOf(date) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (date.getFullYear() === today.getFullYear() ? day : dayOfAnotherYear).format(date);
}

function initialsOf(nickname) {
  const words = String(nickname).trim().split(/[\s._-]+/u).filter(Boolean);
  const firsts = words.length > 1 ? [words[0], words.at(-1)] : words.slice(0, 1);
  return firsts.map((word) => [...word][0].toLocaleUpperCase()).join("");
}

function hueOf(id) {
  let hash = 2_166_136_261;
  for (const unit of String(id)) hash = Math.imul(hash ^ unit.codePointAt(0), 16_777_619);
  return String(((hash ^ (hash >>> 15)) >>> 0) % 360);
}

function isOnlyEmoji(text) {
  return text.length <= 24 && /^(?:\p{Extended_Pictographic}[\u{fe0f}\u{1f3fb}-\u{1f3ff}]?(?:\u{200d}\p{Extended_Pictographic}\u{fe0f}?)*\s*){1,3}$/u.test(text);
}
