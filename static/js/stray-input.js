// Typing, pasting and dropping outside of any field: letters and pasted text go to the message box, files to those that are to
// be sent. (A file dropped on a page would replace the page.)

import { t } from "./language.js";

export const NO_FILES = t("Pictures and files cannot be sent here. A link to one can.");

const TAKES_TEXT = "textarea, select, [contenteditable=''], [contenteditable=true], input:not([type=button], [type=checkbox], [type=radio], [type=submit])";
const TAKES_SPACE = "a[href], button, summary, input, [role=button], [role=log]"; // by the last, it scrolls

export class StrayInput {
  /** box: the message box; refuse(sentence) shows why something was refused; files(transfer) takes files, where it can. */
  constructor({ box, refuse, files }) {
    Object.assign(this, { box, refuse, files });
    document.addEventListener("keydown", (event) => this.typed(event));
    document.addEventListener("paste", (event) => this.pasted(event));
    document.addEventListener("dragover", (event) => hasFiles(event.dataTransfer) && event.preventDefault());
    document.addEventListener("drop", (event) => this.dropped(event));
  }

  /** Is the box hidden, or out of reach behind the nickname dialog? */
  get isOut() {
    return this.box.disabled || this.box.getClientRects().length === 0 || Boolean(this.box.closest("[inert]"));
  }

  /** Only moves the focus: the browser then writes the character into the box. */
  typed(event) {
    if (event.defaultPrevented || this.isOut || takesText(event.target)) return;
    if (!isPrintable(event) || (event.key === " " && event.target.closest(TAKES_SPACE))) return;
    this.box.focus({ preventScroll: true });
  }

  pasted(event) {
    const { clipboardData, target } = event;
    const text = clipboardData?.getData("text/plain");
    if (this.isOut || (target !== this.box && takesText(target))) return;
    if (!text && hasFiles(clipboardData)) this.takeFiles(event, clipboardData);
    else if (text && target !== this.box) this.insert(text, event);
  }

  dropped(event) {
    if (hasFiles(event.dataTransfer)) this.takeFiles(event, event.dataTransfer);
  }

  takeFiles(event, transfer) {
    event.preventDefault();
    if (this.isOut) return;
    if (this.files) this.files(transfer);
    else this.refuse(NO_FILES);
  }

  insert(text, event) {
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    this.box.setRangeText(text, this.box.selectionStart, this.box.selectionEnd, "end");
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** A character, or a dead key that begins one. Shortcuts are not; AltGr, which some systems report as Ctrl and Alt, is. */
export function isPrintable(event) {
  const isShortcut = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
  if (isShortcut || event.isComposing || event.keyCode === 229) return false;
  return event.key === "Dead" || [...event.key].length === 1;
}

export function takesText(target) {
  return target.matches?.(TAKES_TEXT) ?? false;
}

function hasFiles(transfer) {
  return [...(transfer?.types ?? [])].includes("Files");
}
