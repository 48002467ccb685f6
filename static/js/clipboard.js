// Copying a text. The clipboard's own interface is there over https alone; elsewhere the browser copies what is selected.

/** Promise of whether it was copied. */
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);
  }
}

function copiedBySelection(text) {
  const { activeElement } = document;
  const box = document.createElement("textarea");
  box.value = text;
  box.style.position = "fixed";
  box.style.opacity = "0";
  document.body.append(box);
  box.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    box.remove();
    activeElement?.focus({ preventScroll: true });
  }
}
