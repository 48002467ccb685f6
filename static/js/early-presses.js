// What is pressed, pointed at or dragged here before its part of the page is there (late-parts.js) waits for it, and is done then.

const BUTTONS = "#emoji, #attach, #mentions-button";
const IN_MESSAGES = "#said :is(.reaction, .message-quote, .message-author, .avatar, .message-picture, .room-link, .code-copy)";

/** load() -> Promise of the parts; wanted(): the same, null where they cannot be had. Answers a function: they are there. */
export function catchPresses({ load, wanted }) {
  const end = new AbortController();
  const log = document.getElementById("messages");
  let pointed = null;
  let dragged = null;
  const listen = (element, type, listener) => element.addEventListener(type, listener, { capture: true, signal: end.signal });
  const begin = () => load().catch(() => null);
  listen(document, "click", async (event) => {
    if (!isEarly(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (await wanted()) again(event);
  });
  listen(log, "pointerover", (event) => ((pointed = event), begin()));
  listen(log, "focusin", begin);
  listen(document, "dragover", (event) => ((dragged = event), begin()));
  for (const type of ["dragleave", "drop", "dragend"]) listen(document, type, () => (dragged = null));
  listen(document.getElementById("message"), "input", begin);
  return () => {
    end.abort();
    for (const event of [pointed, dragged]) if (event) setTimeout(() => again(event));
  };
}

/** A tap on a message shows what can be done with it; on a link in it, the browser goes there. */
function isEarly({ target, ctrlKey, metaKey, shiftKey }) {
  if (ctrlKey || metaKey || shiftKey) return false;
  if (target.closest(`${BUTTONS}, ${IN_MESSAGES}`)) return true;
  return Boolean(target.closest("#said > .message")) && !target.closest("a, button, audio, video");
}

function again(event) {
  event.target.dispatchEvent(new event.constructor(event.type, event));
}
