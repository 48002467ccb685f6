// A day and its time, as the reader's language writes them.

import { dateFormat } from "./language.js";

const format = dateFormat({ dateStyle: "medium", timeStyle: "short" });

/** at: an ISO time, or a Date. */
export function dayAndTime(at) {
  return format.format(new Date(at));
}
