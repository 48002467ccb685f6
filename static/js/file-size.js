// How large a file is, in words. Pure.

import { number, t } from "./language.js";

/** 1.2 MB, as people read it. */
export function sizeOf(bytes) {
  if (bytes < 1_000) return t("{size} B", { size: bytes });
  if (bytes < 999_500) return t("{size} KB", { size: rounded(bytes / 1e3) });
  return bytes < 999_500_000 ? t("{size} MB", { size: rounded(bytes / 1e6) }) : t("{size} GB", { size: rounded(bytes / 1e9) });
}

/** With a digit behind the point where there is one before it. */
function rounded(amount) {
  return number(amount < 9.95 ? amount : Math.round(amount));
}
