// The server's tree of words as nodes of the page. Only known kinds become elements, and only http and https are linked,
// whatever the tree holds.

import { visible } from "./visible-text.js";

const DRAWN = {
  link: ({ link, words }) => anchored(link, words ?? [link]),
  code: ({ code }) => wrapped("code", [code]),
  strong: ({ strong }) => wrapped("strong", strong),
  em: ({ em }) => wrapped("em", em),
  mention: ({ mention }) => mentioned(mention),
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
  return kind ? DRAWN[kind](node) : textOf(node);
}

function anchored(href, words) {
  if (!/^https?:\/\//i.test(href)) return drawn(words);
  const anchor = wrapped("a", words);
  anchor.href = href;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer nofollow";
  return anchor;
}

function mentioned(nickname) {
  const mark = wrapped("span", [`@${nickname}`]);
  mark.className = "mention";
  return mark;
}

function wrapped(tag, words) {
  const element = document.createElement(tag);
  element.append(drawn(words));
  return element;
}

/** An unknown node shows the text within it. */
function textOf(node) {
  if (typeof node === "string") return visible(node);
  if (Array.isArray(node)) return node.map(textOf).join("");
  return typeof node === "object" && node !== null ? Object.values(node).map(textOf).join("") : "";
}
