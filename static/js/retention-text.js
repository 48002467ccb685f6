// How long a room keeps its messages, in words, which come with late-parts.js. Pure.

import { number, t, tn } from "./language.js";

const DAY = 24 * 60; // minutes

/** "Messages here are kept for 30 days." Empty where they are kept for ever. */
export function retentionSentence({ days, messages, bytes } = {}) {
  if (days) return ofDays({ time: span(days), messages, size: bytes && sizeIn(bytes) });
  const size = bytes && sizeIn(bytes);
  if (messages && bytes) return tn("Only the last message is kept, {size} at most.", "Only the last {n} messages are kept, {size} at most.", messages, { size });
  if (messages) return tn("Only the last message is kept.", "Only the last {n} messages are kept.", messages);
  return bytes ? t("Only the last {size} of messages are kept.", { size }) : "";
}

function ofDays({ time, messages, size }) {
  if (messages && size) return tn("Messages here are kept for {time}, the last message and the last {size} at most.", "Messages here are kept for {time}, the last {n} messages and the last {size} at most.", messages, { time, size });
  if (messages) return tn("Messages here are kept for {time}, the last message at most.", "Messages here are kept for {time}, the last {n} messages at most.", messages, { time });
  return size ? t("Messages here are kept for {time}, the last {size} at most.", { time, size }) : t("Messages here are kept for {time}.", { time });
}

/** The same in a few words, for the room's head. */
export function retentionLabel({ days, messages, bytes } = {}) {
  const known = { ...(days && { time: span(days) }), ...(messages && { n: number(messages) }), ...(bytes && { size: sizeIn(bytes) }) };
  const label = LABELS[Object.keys(known).join()];
  return label ? label(known) : "";
}

const LABELS = {
  time: (known) => t("Kept {time}", known),
  n: (known) => t("Keeps the last {n}", known),
  size: (known) => t("Keeps the last {size}", known),
  "time,n": (known) => t("Kept {time}, last {n}", known),
  "time,size": (known) => t("Kept {time}, last {size}", known),
  "n,size": (known) => t("Keeps the last {n}, last {size}", known),
  "time,n,size": (known) => t("Kept {time}, last {n}, last {size}", known),
};

/** "5 MB": with at most one digit behind the point. */
function sizeIn(bytes) {
  if (bytes >= 1e9) return t("{size} GB", { size: number(bytes / 1e9) });
  if (bytes >= 1e6) return t("{size} MB", { size: number(bytes / 1e6) });
  return bytes >= 1e3 ? t("{size} KB", { size: number(bytes / 1e3) }) : tn("{n} byte", "{n} bytes", bytes);
}

/** "30 days", "a day", "12 hours", "90 minutes": in the largest unit that gives a readable number. */
function span(days) {
  const minutes = Math.max(1, Math.round(days * DAY));
  if (minutes >= 2 * DAY || minutes === DAY) return tn("a day", "{n} days", Math.round((10 * minutes) / DAY) / 10);
  if (minutes >= 120 || minutes === 60) return tn("an hour", "{n} hours", Math.round(minutes / 6) / 10);
  return tn("a minute", "{n} minutes", minutes);
}
