// A room's name as people type it. Pure.

import { isRoom } from "./storage-readers.js";

/** The name as the server will have it ("My Room" is my-room); null where it cannot be one. */
export function roomName(text) {
  const name = text.trim().replace(/^#/, "").toLowerCase().replace(/\s+/g, "-");
  return isRoom(name) ? name : null;
}
