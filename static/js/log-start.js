// The line above the first message. Pure.

import { t } from "./language.js";
import { isDirect, labelOf } from "./room-name.js";

/** Whether there are older ones, whether there were, and `retention`, the sentence that says how long they are kept. */
export function logStart(room, retention = "") {
  if (room.hasOlder) return t("Earlier messages");
  return `${beginning(room)} ${retention}`.trim();
}

function beginning(room) {
  if (!isWhole(room)) return t("Older messages have been let go of.");
  const name = labelOf(room);
  return isDirect(room) ? t("This is the beginning of your conversation with {name}.", { name }) : t("This is the beginning of {room}.", { room: name });
}

/** Is the room's very first message among those that are held? */
function isWhole({ messages, rev }) {
  return messages.length > 0 ? messages[0].seq === 1 : rev === 0;
}
