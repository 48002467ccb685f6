// Tells, in one quiet line, what this browser will not keep for this site: else a person finds out by losing it.

const SENTENCES = {
  both: "This browser blocks cookies and storage here: you are known in this tab only, and a reload forgets open rooms.",
  cookies: "Cookies are blocked here: you are known in this tab only. Soon after you close it, your nickname is free for others.",
  storage: "This browser stores nothing here: a reload forgets drafts and open rooms.",
};
const READ = "forgetting-read";

export class Forgetting {
  /** isTabOnly(): true where the server knows a person by this tab alone, because no cookie comes back to it. */
  constructor({ local, session, isTabOnly = () => false }) {
    Object.assign(this, { local, session, isTabOnly });
    this.line = document.getElementById("forgetting");
    this.line.querySelector("button").addEventListener("click", () => this.dismiss());
    local.onForgetting(() => this.draw());
    this.draw();
  }

  draw() {
    const what = whatIsForgotten({ storage: !this.local.forgets, cookies: hasCookies() && !this.isTabOnly() });
    this.line.hidden = !what || this.session.get(READ) === what;
    this.line.firstElementChild.textContent = what ? SENTENCES[what] : "";
    this.what = what;
  }

  dismiss() {
    this.session.set(READ, this.what);
    this.draw();
  }
}

/** "both", "cookies", "storage"; empty where storage and cookies are both kept. */
export function whatIsForgotten({ storage, cookies }) {
  if (storage && cookies) return "";
  if (!storage && !cookies) return "both";
  return storage ? "cookies" : "storage";
}

export function hasCookies() {
  return navigator.cookieEnabled !== false;
}
