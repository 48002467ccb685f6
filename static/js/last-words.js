// What the server put into the page before the script ran: the last words of a public room, at its door or in its log, and
// what was typed meanwhile. The log's own rows take their place as soon as there are any.

/** The nickname that somebody typed or pressed before the script ran; empty: none. It leaves the address. */
export function wishOf(page) {
  if (location.search.includes("nickname=")) history.replaceState(history.state, "", location.pathname + location.hash);
  return page.wish ?? "";
}

/** Removes the last words when the room's own messages are drawn. Answers a function that removes them at once. */
export function keepLastWords() {
  const words = document.getElementById("last-words");
  const observer = new MutationObserver(() => remove());
  const remove = () => {
    observer.disconnect();
    words?.remove();
  };
  if (words) observer.observe(document.getElementById("said"), { childList: true });
  return remove;
}
