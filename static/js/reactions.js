// The reactions below a message, and those one may choose from.

import { part } from "./message-parts.js";

const COMMON = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "👀"];

/** [{emoji, mine, full}]: the common ones, then whatever else is on the message already. `most` different ones fit on it. */
export function choices(reactions, nickname, most = 20) {
  const there = Object.keys(reactions).filter((emoji) => reactions[emoji].length > 0);
  return [...new Set([...COMMON, ...there])].map((emoji) => ({
    emoji,
    mine: Boolean(reactions[emoji]?.includes(nickname)),
    full: !there.includes(emoji) && there.length >= most,
  }));
}

/** Draws them into a row. Known buttons stay the same elements, so that the one in focus keeps it. */
export function fillReactions(row, reactions, nickname) {
  const entries = Object.entries(reactions).filter(([, nicknames]) => nicknames.length > 0);
  const list = part(row, "reactions", entries.length > 0);
  if (!list) return;
  const known = new Map([...list.children].map((entry) => [entry.firstElementChild.dataset.emoji, entry]));
  const drawn = entries.map(([emoji, nicknames]) => fillEntry(known.get(emoji) ?? blankEntry(emoji), nicknames, nickname));
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

function fillEntry(entry, nicknames, nickname) {
  const button = entry.firstElementChild;
  button.title = nicknames.join(", ");
  button.setAttribute("aria-pressed", String(nicknames.includes(nickname)));
  button.lastElementChild.textContent = ` ${nicknames.length}`;
  return entry;
}
