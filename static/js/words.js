// The server's tree of words (app/chat/words.py) as nodes of the page. Only known kinds become elements, and only http and
// https are linked, whatever the tree holds.

import { sitePath } from "./base.js";
import { t } from "./language.js";
import { visible } from "./visible-text.js";
import { wordsText } from "./words-text.js";

const CODE_CLASSES = new Set(["keyword", "string", "comment", "number", "name"]);
const ROOM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const DRAWN = {
  link: ({ link, words }) => anchored(link, words ?? [link]),
  codeblock: codeBlock,
  code: ({ code }) => wrapped("code", [code]),
  strong: ({ strong }) => wrapped("strong", strong),
  em: ({ em }) => wrapped("em", em),
  strike: ({ strike }) => wrapped("s", strike),
  quote: ({ quote }) => directed(wrapped("blockquote", quote)),
  list: listed,
  mention: mentioned,
  room: roomLink,
  emoji: ({ emoji, name }) => titled(wrapped("span", [emoji]), "emoji", `:${name}:`),
};

/** A list of nodes (or plain text) as a fragment. */
export function drawn(words) {
  const fragment = document.createDocumentFragment();
  for (const node of [words].flat()) fragment.append(drawnNode(node));
  return fragment;
}

function drawnNode(node) {
  if (typeof node !== "object" || node === null) return visible(String(node ?? ""));
  const kind = Object.keys(DRAWN).find((name) => name in node);
  return kind ? DRAWN[kind](node) : visible(wordsText([node]));
}

function anchored(href, words) {
  if (!/^https?:\/\//i.test(href)) return drawn(words);
  const anchor = wrapped("a", words);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow";
  if (anchor.textContent !== href) anchor.title = href;
  return anchor;
}

function mentioned({ mention, words }) {
  const mark = wrapped("span", words ?? [`@${mention}`]);
  mark.className = "mention";
  mark.dataset.person = mention;
  return mark;
}

/** Opens the room in this page (word-clicks.js), or by its address. */
function roomLink({ room, words }) {
  if (!ROOM.test(room)) return drawn(words ?? `#${room}`);
  const anchor = wrapped("a", words ?? [`#${room}`]);
  anchor.className = "room-link";
  anchor.href = sitePath(`/r/${room}`);
  anchor.dataset.room = room;
  return anchor;
}

function listed({ list, start }) {
  const element = document.createElement(start === undefined ? "ul" : "ol");
  if (start !== undefined) element.start = start;
  element.append(...list.map((item) => wrapped("li", item)));
  return directed(element);
}

/** Code scrolls sideways by itself, also by the keyboard. Its language is drawn by the stylesheet. */
function codeBlock({ codeblock, language = "", tokens = [] }) {
  const block = document.createElement("div");
  const scrolled = document.createElement("pre");
  const copy = document.createElement("button");
  scrolled.append(...coloured(codeblock, tokens));
  scrolled.dir = "ltr";
  scrolled.tabIndex = 0;
  scrolled.setAttribute("role", "group");
  scrolled.setAttribute("aria-label", language ? t("Code, {language}", { language }) : t("Code"));
  block.className = "code-block";
  if (language) block.dataset.language = language;
  copy.type = "button";
  copy.tabIndex = -1;
  titled(copy, "code-copy", t("Copy the code")).setAttribute("aria-label", t("Copy the code"));
  block.append(scrolled, copy);
  return block;
}

/** tokens: class and number of characters by turns. */
function coloured(code, tokens) {
  const characters = [...code];
  const nodes = [];
  let end = 0;
  for (let at = 0; at + 1 < tokens.length; at += 2) {
    const [kind, length] = [tokens[at], tokens[at + 1]];
    const text = visibleCode(characters.slice(end, end + length).join(""));
    nodes.push(CODE_CLASSES.has(kind) ? titled(wrapped("span", [text]), `code-${kind}`) : text);
    end += length;
  }
  return [...nodes, visibleCode(characters.slice(end).join(""))];
}

/** In code no character may turn the text around: what runs must be what is read. */
function visibleCode(text) {
  return visible(text).replace(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

function titled(element, className, title) {
  element.className = className;
  if (title) element.title = title;
  return element;
}

function directed(element) {
  element.dir = "auto";
  return element;
}

function wrapped(tag, words) {
  const element = document.createElement(tag);
  element.append(drawn(words));
  return element;
}
