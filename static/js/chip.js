// The chip in the bar: how the line stands, and the way to find out more. What is told to everybody is short and changes
// seldom; the latency and the seconds of a countdown are for the eye only, or a screen reader would never be quiet.

export class Chip {
  /** retry() dials at once. */
  constructor({ retry }) {
    this.chip = document.getElementById("chip");
    this.bar = this.chip.parentElement;
    this.link = document.getElementById("chip-link");
    this.detail = document.getElementById("chip-detail");
    this.sentence = document.getElementById("connection");
    this.retry = document.getElementById("retry");
    this.retry.addEventListener("click", retry);
  }

  show(status) {
    clearInterval(this.ticking);
    this.draw(status);
    if (status.state === "waiting") this.ticking = setInterval(() => this.draw(status), 1_000);
  }

  draw(status) {
    const { word, transport, detail, title } = told(status, Date.now());
    this.chip.dataset.state = status.state;
    write(this.sentence.firstElementChild, word);
    write(this.sentence.lastElementChild, transport);
    write(this.detail, detail);
    this.link.title = title;
    this.offerRetry(status.state);
  }

  /** It stays through the attempt: a control that flickers cannot be pressed, and takes the focus with it. */
  offerRetry(state) {
    const wasFocused = document.activeElement === this.retry;
    if (state === "connected") this.retry.hidden = true;
    if (state === "waiting" || state === "offline") this.retry.hidden = false;
    this.bar.classList.toggle("is-amiss", !this.retry.hidden);
    this.retry.setAttribute("aria-disabled", String(state === "connecting"));
    if (wasFocused && this.retry.hidden) this.link.focus();
  }
}

/** What the chip says of {state, transport?, latency?, until?}. Where there is no room, the eye does without `word`. */
export function told(status, now) {
  return { transport: "", detail: "", title: "Diagnose the connection", ...SAID[status.state](status, now) };
}

const SAID = {
  connecting: () => ({ word: "Connecting…" }),
  offline: () => ({ word: "Offline" }),
  waiting: ({ until }, now) => ({ word: "Reconnecting", detail: `in ${Math.max(1, Math.ceil((until - now) / 1_000))} s` }),
  connected: ({ transport, latency }) => ({
    word: "Connected · ",
    transport,
    ...(latency !== undefined && { detail: `${latency} ms`, title: `Round trip: ${latency} ms. Diagnose the connection` }),
  }),
};

/** Words that are the same are not written again: a live region would tell them again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
