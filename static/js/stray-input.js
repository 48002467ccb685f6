// What is typed, pasted or dropped where nothing takes it: letters and pasted text go to the box in which one writes; files,
// which cannot be sent yet, are refused with a sentence. (A file dropped on a page would replace it.)

export const NO_FILES = "Pictures and files cannot be sent here yet. A link to one can.";

const TAKES_TEXT = "textarea, select, [contenteditable=''], [contenteditable=true], input:not([type=button], [type=checkbox], [type=radio], [type=submit])";
const TAKES_SPACE = "a[href], button, summary, input, [role=button], [role=log]"; // by the last, it scrolls

export class StrayInput {
  /** box is the one to write in; refuse(sentence) tells why something is not taken. */
  constructor({ box, refuse }) {
    Object.assign(this, { box, refuse });
    document.addEventListener("keydown", (event) => this.typed(event));
    document.addEventListener("paste", (event) => this.pasted(event));
    document.addEventListener("dragover", (event) => hasFiles(event.dataTransfer) && event.preventDefault());
    document.addEventListener("drop", (event) => this.dropped(event));
  }

  /** Hidden behind the box for one's nickname, or out of reach under it? */
  get isOut() {
    return this.box.disabled || this.box.getClientRects().length === 0 || Boolean(this.box.closest("[inert]"));
  }

  /** The key itself is not touched: what it writes goes to whatever has the focus by then. */
  typed(event) {
    if (event.defaultPrevented || this.isOut || takesText(event.target)) return;
    if (!isPrintable(event) || (event.key === " " && event.target.closest(TAKES_SPACE))) return;
    this.box.focus({ preventScroll: true });
  }

  pasted(event) {
    const { clipboardData, target } = event;
    const text = clipboardData?.getData("text/plain");
    if (this.isOut || (target !== this.box && takesText(target))) return;
    if (!text && hasFiles(clipboardData)) this.refuseFiles(event);
    else if (text && target !== this.box) this.insert(text, event);
  }

  dropped(event) {
    if (hasFiles(event.dataTransfer)) this.refuseFiles(event);
  }

  refuseFiles(event) {
    event.preventDefault();
    if (!this.isOut) this.refuse(NO_FILES);
  }

  insert(text, event) {
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    this.box.setRangeText(text, this.box.selectionStart, this.box.selectionEnd, "end");
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/** A character, or a dead key that begins one. Shortcuts are none; AltGr, which some systems tell as Ctrl and Alt, is. */
export function isPrintable(event) {
  const isShortcut = (event.ctrlKey || event.altKey || event.metaKey) && !event.getModifierState("AltGraph");
  if (isShortcut || event.isComposing || event.keyCode === 229) return false;
  return event.key === "Dead" || [...event.key].length === 1;
}

function takesText(target) {
  return target.matches?.(TAKES_TEXT) ?? false;
}

function hasFiles(transfer) {
  return [...(transfer?.types ?? [])].includes("Files");
}
