// One message on the page, from the one <template>. Stored and unconfirmed messages are drawn by the same code.

import { write as writeSentence } from "./isolate.js";
import { dateFormat, t } from "./language.js";
import { fillMentions } from "./mentions.js";
import { fillFile } from "./message-file.js";
import { fillCard } from "./link-card.js";
import { part } from "./message-parts.js";
import { fillReactions } from "./reactions.js";
import { fillQuote } from "./reply.js";
import { countdown, roleName } from "./standing.js";
import { mayBeTall, turnsAround, visible } from "./visible-text.js";
import { isOnlyEmoji } from "./words-text.js";
import { drawn } from "./words.js";

const GROUPED_WITHIN_MS = 5 * 60_000;
const GROUPED_KINDS = new Set(["said", "file"]);
const HEADLESS_KINDS = new Set(["action", "notice"]);
const STATES = { waiting: t("Waiting for the connection"), sending: t("Sending"), failed: t("Failed"), said: t("Sent") };
const hour = dateFormat({ hour: "2-digit", minute: "2-digit" });
const full = dateFormat({ dateStyle: "full", timeStyle: "medium" });
const day = dateFormat({ weekday: "long", day: "numeric", month: "long" });
const dayOfAnotherYear = dateFormat({ dateStyle: "long" });

/** A new row, still without content. */
export function blankRow() {
  return document.getElementById("message-template").content.firstElementChild.cloneNode(true);
}

/**
 * Fills a row with a message as it looks now. mine: it shows its state; own: one's own reactions; quoted: the message that it
 * replies to, where that is held here; role: the author's in the room; calls: it calls the
 * reader; called: as in mentions.js; notes: lines below it; card, mayHideCard: as in link-card.js.
 */
export function fill(row, message, { mine, own, quoted, role, calls, called, notes, card, mayHideCard }) {
  const author = row.querySelector(".message-author");
  row.dataset.kind = message.deleted ? "deleted" : message.kind;
  row.classList.toggle("is-mine", mine);
  row.classList.toggle("calls-me", Boolean(calls));
  part(row, "message-call", Boolean(calls));
  author.textContent = visible(message.nickname);
  author.style.setProperty("--hue", hueOf(message.author));
  fillRole(author, message.bot ? "bot" : role);
  fillTime(row.querySelector(".message-time"), new Date(message.at), message.edited);
  fillQuote(row, message.reply_to, quoted);
  fillText(row.querySelector(".message-text"), message);
  fillMentions(row, called);
  fillFile(row, message);
  fillCard(row, message.deleted ? null : card, mayHideCard);
  fillReactions(row, message, own);
  fillState(row, mine && !message.deleted ? (message.state ?? "said") : null, message.sentence);
  fillNotes(row, notes);
}

/** What happened after the message, and is none itself: a line for each. */
function fillNotes(row, notes = []) {
  const lines = part(row, "message-notes", notes.length > 0);
  for (const note of notes.slice(lines?.childElementCount ?? 0)) {
    const line = document.createElement("p");
    writeSentence(line, note);
    lines.append(line);
  }
}

/** What a row shows because of the one before it: a new day, or the same author again. now: for "Today" and "Yesterday". */
export function place(row, message, previous, now) {
  const isNewDay = !previous || new Date(previous.at).toDateString() !== new Date(message.at).toDateString();
  const isFirst = isNewDay || !continues(message, previous);
  const day = part(row, "message-day", isNewDay);
  if (day) write(day, dayOf(new Date(message.at), new Date(now)));
  row.classList.toggle("is-first", isFirst);
  const avatar = part(row, "avatar", isFirst && (message.deleted || !HEADLESS_KINDS.has(message.kind)));
  if (avatar) paint(avatar, message.author, message.nickname);
}

/** The avatar: a person's initials in a colour of their own. */
export function paint(avatar, id, nickname) {
  avatar.dataset.initials = initialsOf(nickname);
  avatar.style.setProperty("--hue", hueOf(id));
}

/** An item of the outbox in the shape of a message. */
export function asMessage(item, me, clock) {
  const action = !item.file && /^\/me\s+/.exec(item.text);
  return {
    ...item,
    at: clock.of(item.at),
    author: me.id,
    nickname: me.nickname,
    kind: action ? "action" : item.file ? "file" : "said",
    text: action ? item.text.slice(action[0].length) : item.text,
    ...(item.until && { sentence: waitingSentence(item) }),
  };
}

/** Why an item waits, and until when: it goes by itself, so nobody need try again. */
function waitingSentence({ sentence, until }) {
  const why = sentence.replace(/([.!?؟])\s+[^.!?؟]*\.$/u, "$1"); // the last sentence of such a refusal says to try again
  return t("{why} It goes by itself in {time}.", { why, time: countdown(until - Date.now()) });
}

function continues(message, previous) {
  if (previous.author !== message.author || previous.nickname !== message.nickname) return false;
  if (!GROUPED_KINDS.has(previous.kind) || !GROUPED_KINDS.has(message.kind) || message.reply_to) return false;
  return new Date(message.at) - new Date(previous.at) < GROUPED_WITHIN_MS;
}

function fillRole(author, role) {
  const mark = author.parentElement.querySelector(".role-mark");
  if (role && mark) nameRole(mark, role);
  else if (role) author.after(roleMark(role));
  else mark?.remove();
}

/** "owner" or "moderator", beside a name: drawn by the stylesheet, as "(you)" is. */
export function roleMark(role) {
  const mark = document.createElement("span");
  mark.className = "role-mark";
  nameRole(mark, role);
  return mark;
}

function nameRole(mark, role) {
  Object.assign(mark.dataset, { role, label: roleName(role) });
}

function fillTime(time, at, edited) {
  time.dateTime = at.toISOString();
  write(time, hour.format(at));
  time.title = edited ? t("{time}, edited {edited}", { time: full.format(at), edited: full.format(new Date(edited)) }) : full.format(at);
}

function fillText(paragraph, message) {
  const { text, words, deleted, kind } = message;
  paragraph.classList.toggle("is-edited", Boolean(message.edited) && !deleted);
  if (message.edited) paragraph.dataset.edited = t("(edited)"); // drawn by the stylesheet
  paragraph.classList.toggle("is-jumbo", kind === "said" && isOnlyEmoji(text, words));
  paragraph.classList.toggle("is-tall", !deleted && mayBeTall(text));
  if (deleted) write(paragraph, message.deleted_by ? t("Removed by a moderator") : t("This message was deleted"));
  else if (kind === "action") paragraph.replaceChildren(...action(message));
  else paragraph.replaceChildren(wordsOf(message));
}

function action(message) {
  const who = document.createElement("b");
  who.dir = "auto";
  who.textContent = visible(message.nickname);
  return ["* ", who, " ", wordsOf(message)];
}

/** A bidi override in a text ends with the text: "(edited)" after it is not turned around. */
function wordsOf({ words, text }) {
  const fragment = drawn(words ?? text);
  if (!turnsAround(text)) return fragment;
  const isolated = document.createElement("bdi");
  isolated.append(fragment);
  return isolated;
}

function fillState(row, state, sentence) {
  const mark = part(row, "message-state", Boolean(state));
  if (mark) nameState(mark, state === "waiting" && sentence ? t("Waiting") : (STATES[state] ?? ""));
  row.dataset.state = state ?? "";
  const trouble = part(row, "message-trouble", state === "failed" || Boolean(state && sentence));
  if (!trouble) return;
  trouble.querySelector(".message-ways").hidden = state !== "failed";
  write(trouble.querySelector(".message-reason"), sentence ?? t("This was not sent."));
}

function nameState(mark, label) {
  mark.setAttribute("aria-label", label);
  mark.title = label;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function dayOf(date, now) {
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (date.toDateString() === now.toDateString()) return t("Today");
  if (date.toDateString() === yesterday.toDateString()) return t("Yesterday");
  return (date.getFullYear() === now.getFullYear() ? day : dayOfAnotherYear).format(date);
}

function initialsOf(nickname) {
  const words = String(nickname).trim().split(/[\s._-]+/u).filter(Boolean);
  const firsts = words.length > 1 ? [words[0], words[words.length - 1]] : words.slice(0, 1);
  return firsts.map((word) => [...word][0].toLocaleUpperCase()).join("");
}

function hueOf(id) {
  let hash = 2_166_136_261;
  for (const unit of String(id)) hash = Math.imul(hash ^ unit.codePointAt(0), 16_777_619);
  return String(((hash ^ (hash >>> 15)) >>> 0) % 360);
}
