// Says, in one line, what this browser does not store for this site, before a person finds out by losing it.

import { t } from "./language.js";
import { lossOf } from "./storage-loss.js";

const SENTENCES = {
  both: t("This browser blocks cookies and storage here: you are known in this tab only, and a reload forgets open rooms."),
  cookies: t("Cookies are blocked here: you are known in this tab only. Soon after you close it, your nickname is free for others."),
  storage: t("This browser stores nothing here: a reload forgets drafts and open rooms."),
};
const DISMISSED = "forgetting-read"; // a row of the storage: its name stays

export class StorageWarning {
  /** isTabOnly(): true where no cookie comes back to the server, which knows the person by this tab's token. */
  constructor({ local, session, isTabOnly = () => false }) {
    Object.assign(this, { local, session, isTabOnly });
    this.line = document.getElementById("forgetting");
    this.line.querySelector("button").addEventListener("click", () => this.dismiss());
    local.onVolatile(() => this.draw());
    this.draw();
  }

  draw() {
    const what = lossOf(this.local, this.isTabOnly());
    this.line.hidden = !what || this.session.get(DISMISSED) === what;
    this.line.firstElementChild.textContent = what ? SENTENCES[what] : "";
    this.what = what;
  }

  dismiss() {
    this.session.set(DISMISSED, this.what);
    this.draw();
  }
}
