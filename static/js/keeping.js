// How long a room keeps what is said in it, in words. Pure.

const DAY = 24 * 60; // minutes

/** What stands above the first message: whether there is more, whether there was, and what is kept. */
export function startOf(room) {
  if (room.hasOlder) return "Earlier messages";
  const start = isWhole(room) ? `This is the beginning of #${room.name}.` : "Older messages have been let go of.";
  return `${start} ${keptIn(room.keep)}`.trim();
}

/** "Messages here are kept for 30 days." Empty where they are kept for ever. */
export function keptIn({ days, messages } = {}) {
  if (days && messages) return `Messages here are kept for ${span(days)}, ${the(messages)} at most.`;
  if (days) return `Messages here are kept for ${span(days)}.`;
  if (messages) return `Only ${the(messages)} ${messages === 1 ? "is" : "are"} kept.`;
  return "";
}

/** The same as a few words for the room's head. */
export function keptBriefly({ days, messages } = {}) {
  const count = messages && `last ${messages.toLocaleString("en")}`;
  if (days) return `Kept ${span(days)}${count ? `, ${count}` : ""}`;
  return count ? `Keeps the ${count}` : "";
}

/** Is the first message that was ever said here among those that are held? */
function isWhole({ messages, rev }) {
  return messages.length > 0 ? messages[0].seq === 1 : rev === 0;
}

function the(count) {
  return count === 1 ? "the last message" : `the last ${count.toLocaleString("en")} messages`;
}

/** "30 days", "a day", "12 hours", "90 minutes": in the largest unit in which it is a good number. */
function span(days) {
  const minutes = Math.max(1, Math.round(days * DAY));
  if (minutes >= 2 * DAY || minutes === DAY) return counted(Math.round((10 * minutes) / DAY) / 10, "day", "a");
  if (minutes >= 120 || minutes === 60) return counted(Math.round(minutes / 6) / 10, "hour", "an");
  return counted(minutes, "minute", "a");
}

function counted(count, unit, one) {
  return count === 1 ? `${one} ${unit}` : `${count.toLocaleString("en")} ${unit}s`;
}
