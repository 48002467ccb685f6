// How long a room keeps its messages, in words. Pure.

import { isDirect, labelOf } from "./room-name.js";

const DAY = 24 * 60; // minutes
const UNITS = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"], [1, "bytes"]];

/** The line above the first message: whether there are older ones, whether there were, and how long they are kept. */
export function logStart(room) {
  if (room.hasOlder) return "Earlier messages";
  const start = isWhole(room) ? `This is the beginning of ${isDirect(room) ? "your conversation with " : ""}${labelOf(room)}.` : "Older messages have been let go of.";
  return `${start} ${retentionSentence(room.keep)}`.trim();
}

/** "Messages here are kept for 30 days." Empty where they are kept for ever. */
export function retentionSentence({ days, messages, bytes } = {}) {
  const most = [messages && lastMessages(messages), bytes && `the last ${size(bytes)}`].filter(Boolean);
  if (days && most.length > 0) return `Messages here are kept for ${span(days)}, ${most.join(" and ")} at most.`;
  if (days) return `Messages here are kept for ${span(days)}.`;
  if (messages && bytes) return `Only ${lastMessages(messages)} ${messages === 1 ? "is" : "are"} kept, ${size(bytes)} at most.`;
  if (messages) return `Only ${lastMessages(messages)} ${messages === 1 ? "is" : "are"} kept.`;
  return bytes ? `Only the last ${size(bytes)} of messages are kept.` : "";
}

/** The same in a few words, for the room's head. */
export function retentionLabel({ days, messages, bytes } = {}) {
  const counts = [messages && `last ${messages.toLocaleString("en")}`, bytes && `last ${size(bytes)}`].filter(Boolean);
  if (days) return [`Kept ${span(days)}`, ...counts].join(", ");
  return counts.length > 0 ? `Keeps the ${counts.join(", ")}` : "";
}

/** "5 MB": with at most one digit behind the point. */
function size(bytes) {
  const [unit, name] = UNITS.find(([one]) => bytes >= one) ?? UNITS.at(-1);
  return `${(Math.round((10 * bytes) / unit) / 10).toLocaleString("en")} ${name}`;
}

/** Is the room's very first message among those that are held? */
function isWhole({ messages, rev }) {
  return messages.length > 0 ? messages[0].seq === 1 : rev === 0;
}

function lastMessages(count) {
  return count === 1 ? "the last message" : `the last ${count.toLocaleString("en")} messages`;
}

/** "30 days", "a day", "12 hours", "90 minutes": in the largest unit that gives a readable number. */
function span(days) {
  const minutes = Math.max(1, Math.round(days * DAY));
  if (minutes >= 2 * DAY || minutes === DAY) return counted(Math.round((10 * minutes) / DAY) / 10, "day", "a");
  if (minutes >= 120 || minutes === 60) return counted(Math.round(minutes / 6) / 10, "hour", "an");
  return counted(minutes, "minute", "a");
}

function counted(count, unit, one) {
  return count === 1 ? `${one} ${unit}` : `${count.toLocaleString("en")} ${unit}s`;
}
