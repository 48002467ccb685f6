// A room's name as people type it, and as they read it. Pure.

import { t } from "./language.js";
import { isRoom } from "./storage-readers.js";

const IGNORABLE = /\p{Default_Ignorable_Code_Point}+/gu;

/** The name as the server will have it ("My Room" is my-room, and so it is in wide letters); null where it cannot be one. */
export function roomName(text) {
  const name = text.normalize("NFKC").replace(IGNORABLE, "").trim().replace(/^#\s*/, "").toLowerCase().replace(/\s+/g, "-");
  return isRoom(name) ? name : null;
}

/** Is it a room of two people? */
export function isDirect({ name }) {
  return name.startsWith("@");
}

/** A room as sentences name it: #lobby; a room of two by the other one's nickname. */
export function labelOf(room) {
  return isDirect(room) ? (room.title ?? t("this conversation")) : `#${room.name}`;
}
