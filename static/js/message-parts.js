// The parts of a message's row. A row has only the parts that it shows; they are inserted in this order, and removed again.

const ORDER = ["message-day", "message-ignored", "avatar", "message-head", "message-quote", "message-call", "message-text", "message-more", "message-file", "message-card", "reactions", "message-notes", "message-trouble", "message-state", "actions"];

/** The part of a row with this name: made from its template where it is missing, or taken out where it is not wanted. */
export function part(row, name, isWanted = true) {
  const known = row.querySelector(`:scope > .${name}`);
  if (isWanted) return known ?? inserted(row, name);
  known?.remove();
  return null;
}

function inserted(row, name) {
  const made = document.getElementById("message-parts").content.querySelector(`.${name}`).cloneNode(true);
  const later = ORDER.slice(ORDER.indexOf(name) + 1);
  const next = [...row.children].find((element) => later.some((one) => element.classList.contains(one)));
  row.insertBefore(made, next ?? null);
  return made;
}
