// Sentences for the person: what the server has to say, what was refused, help. And the chip that tells how the line stands.

const SHOWN = 10_000;
const AT_MOST = 3;

export class Notices {
  constructor() {
    this.frame = document.getElementById("notices");
  }

  /** lasting: stays until it is dismissed. */
  tell(text, { lasting = false } = {}) {
    const notice = document.createElement("div");
    const sentence = document.createElement("p");
    notice.className = "notice";
    sentence.textContent = text;
    notice.append(sentence, dismissal(notice));
    this.frame.append(notice);
    while (this.frame.children.length > AT_MOST) this.frame.firstElementChild.remove();
    if (!lasting) setTimeout(() => notice.remove(), SHOWN);
  }
}

export class StatusChip {
  constructor() {
    this.chip = document.getElementById("connection");
  }

  show(status) {
    clearInterval(this.ticking);
    this.draw(status);
    if (status.state === "waiting") this.ticking = setInterval(() => this.draw(status), 1_000);
  }

  draw(status) {
    const text = SENTENCES[status.state](status);
    this.chip.dataset.state = status.state;
    if (this.chip.textContent !== text) this.chip.textContent = text;
    this.chip.title = status.latency === undefined ? "" : `Round trip: ${status.latency} ms`;
  }
}

const SENTENCES = {
  connecting: () => "Connecting…",
  connected: ({ transport }) => `Connected · ${transport}`,
  offline: () => "Offline",
  waiting: ({ until }) => {
    const seconds = Math.ceil((until - Date.now()) / 1_000);
    return seconds > 0 ? `Reconnecting in ${seconds} s…` : "Reconnecting…";
  },
};

function dismissal(notice) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "text-button";
  button.textContent = "Dismiss";
  button.addEventListener("click", () => notice.remove());
  return button;
}
