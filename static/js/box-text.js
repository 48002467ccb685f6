// Changing a part of what is typed in a text field, so that the browser's own Undo takes it back and the field's listeners hear
// of it.

/** Puts `text` in the place of the characters from start to end; the caret goes behind it, or to `caret`. */
export function replaceRange(box, start, end, text, caret = start + text.length) {
  box.focus({ preventScroll: true });
  box.setSelectionRange(start, end);
  if (!insertedByBrowser(text)) {
    box.setRangeText(text, start, end, "end");
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }
  box.setSelectionRange(caret, caret);
}

/** In place of what is selected. */
export function insertText(box, text) {
  replaceRange(box, box.selectionStart, box.selectionEnd, text);
}

export function replaceAll(box, text) {
  replaceRange(box, 0, box.value.length, text);
}

function insertedByBrowser(text) {
  try {
    return document.execCommand(text ? "insertText" : "delete", false, text);
  } catch {
    return false;
  }
}
