// The reactions below a message, and those to choose from.

import { part } from "./message-parts.js";
import { reactedBy } from "./reaction-state.js";

const COMMON = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/**
 * [{emoji, mine, full}]: the common ones, then whatever else is on the message already. own: a Set of one's own; `most`
 * different ones fit on it.
 */
export function choices({ reaction_counts = {} }, own, most = 20) {
  const there = Object.keys(reaction_counts);
  return [...new Set([...COMMON, ...there])].map((emoji) => ({
    emoji,
    mine: own.has(emoji),
    full: !there.includes(emoji) && there.length >= most,
  }));
}

/** Draws them into a row. Known buttons stay the same elements, so that the one in focus keeps it. */
export function fillReactions(row, message, own) {
  const emojis = Object.keys(message.reaction_counts ?? {});
  const list = part(row, "reactions", emojis.length > 0);
  if (!list) return;
  const known = new Map([...list.children].map((entry) => [entry.firstElementChild.dataset.emoji, entry]));
  const drawn = emojis.map((emoji) => fillEntry(known.get(emoji) ?? blankEntry(emoji), message, own));
  for (const entry of known.values()) if (!drawn.includes(entry)) entry.remove();
  const tabIndex = row.matches(".is-current") ? 0 : -1;
  for (const { firstElementChild: button } of drawn) button.tabIndex = tabIndex;
  drawn.forEach((entry, at) => list.children[at] !== entry && list.insertBefore(entry, list.children[at] ?? null));
}

function blankEntry(emoji) {
  const entry = document.createElement("li");
  const button = document.createElement("button");
  const count = document.createElement("span");
  button.type = "button";
  button.className = "reaction";
  button.dataset.emoji = emoji;
  count.className = "reaction-count";
  button.append(emoji, count);
  entry.append(button);
  return entry;
}

function fillEntry(entry, message, own) {
  const button = entry.firstElementChild;
  const { emoji } = button.dataset;
  button.title = reactedBy(message, emoji);
  button.setAttribute("aria-pressed", String(own.has(emoji)));
  button.lastElementChild.textContent = ` ${message.reaction_counts[emoji]}`;
  return entry;
}
