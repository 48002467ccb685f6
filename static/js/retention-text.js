// How long a room keeps its messages, in words. Pure.

const DAY = 24 * 60; // minutes

/** The line above the first message: whether there are older ones, whether there were, and how long they are kept. */
export function logStart(room) {
  if (room.hasOlder) return "Earlier messages";
  const start = isWhole(room) ? `This is the beginning of #${room.name}.` : "Older messages have been let go of.";
  return `${start} ${retentionSentence(room.keep)}`.trim();
}

/** "Messages here are kept for 30 days." Empty where they are kept for ever. */
export function retentionSentence({ days, messages } = {}) {
  if (days && messages) return `Messages here are kept for ${span(days)}, ${lastMessages(messages)} at most.`;
  if (days) return `Messages here are kept for ${span(days)}.`;
  if (messages) return `Only ${lastMessages(messages)} ${messages === 1 ? "is" : "are"} kept.`;
  return "";
}

/** The same in a few words, for the room's head. */
export function retentionLabel({ days, messages } = {}) {
  const count = messages && `last ${messages.toLocaleString("en")}`;
  if (days) return `Kept ${span(days)}${count ? `, ${count}` : ""}`;
  return count ? `Keeps the ${count}` : "";
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
