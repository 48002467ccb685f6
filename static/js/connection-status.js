// The status of the connection in the bar, with a link to the diagnostics. The live region is short and changes seldom; the
// latency and the seconds of a countdown are outside of it, or a screen reader would read them all the time.

import { t } from "./language.js";

export class ConnectionStatus {
  /** retry() connects at once. */
  constructor({ retry }) {
    this.element = document.getElementById("chip");
    this.bar = this.element.parentElement;
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
    const { word, transport, detail, title } = statusText(status, Date.now());
    this.element.dataset.state = status.state;
    write(this.sentence.firstElementChild, word);
    write(this.sentence.lastElementChild, transport);
    write(this.detail, detail);
    this.link.title = title;
    this.offerRetry(status.state);
  }

  /** The button stays during the attempt: one that comes and goes cannot be pressed, and loses the focus. */
  offerRetry(state) {
    const wasFocused = document.activeElement === this.retry;
    if (state === "connected") this.retry.hidden = true;
    if (state === "waiting" || state === "offline") this.retry.hidden = false;
    this.bar.classList.toggle("is-amiss", !this.retry.hidden);
    this.retry.setAttribute("aria-disabled", String(state === "connecting"));
    if (wasFocused && this.retry.hidden) this.link.focus();
  }
}

/** The texts for {state, transport?, latency?, until?}. On narrow screens `word` is hidden. */
export function statusText(status, now) {
  return { transport: "", detail: "", title: t("Diagnose the connection"), ...TEXTS[status.state](status, now) };
}

const TEXTS = {
  connecting: () => ({ word: t("Connecting…") }),
  offline: () => ({ word: t("Offline") }),
  waiting: ({ until }, now) => ({ word: t("Reconnecting"), detail: t("in {time}", { time: countdown(until - now) }) }),
  connected: ({ transport, latency }) => ({
    word: `${t("Connected")} · `,
    transport,
    ...(latency !== undefined && { detail: t("{n} ms", { n: latency }), title: t("Round trip: {n} ms. Diagnose the connection", { n: latency }) }),
  }),
};

function countdown(ms) {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  return seconds < 100 ? t("{n} s", { n: seconds }) : t("{n} min", { n: Math.ceil(seconds / 60) });
}

/** Writes a text only where it changed: a live region reads every write. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
