// How the page looks: theme, size of the text, rows, motion. The choice is kept in this browser's storage, and in a cookie by
// which the server already sends the page so (app/web/look.py), and that there is a nickname.

import { base } from "./base.js";
import { look as isLook, readJson } from "./storage-readers.js";

const YEAR_S = 365 * 24 * 3600;
const COLOURS = { light: "#f6f3ee", dark: "#171614" }; // of the browser around the page
/** What can be chosen; the empty one is as the system has it. */
export const CHOICES = {
  theme: ["", "light", "dark"],
  text: ["", "large", "larger"],
  rows: ["", "compact"],
  motion: ["", "still"],
};

/** The cookie's value: `in.dark.large`. */
export function cookieOf(isKnown, chosen) {
  return [isKnown ? "in" : "", ...Object.keys(CHOICES).map((name) => chosen[name])].filter(Boolean).join(".");
}

export class Look {
  constructor({ local }) {
    this.local = local;
    this.chosen = readJson(local, "look", isLook) ?? {};
    this.isKnown = false;
    this.show();
  }

  /** There is a nickname: the next page need not ask. */
  known() {
    if (this.isKnown) return;
    this.isKnown = true;
    this.keep();
  }

  choose(name, value) {
    this.chosen = { ...this.chosen, [name]: value };
    this.local.set("look", JSON.stringify(this.chosen));
    this.show();
    this.keep();
  }

  show() {
    const { documentElement: root, head } = document;
    for (const name of Object.keys(CHOICES)) {
      if (this.chosen[name]) root.dataset[name] = this.chosen[name];
      else delete root.dataset[name];
    }
    const { theme } = this.chosen;
    head.querySelector("[name=color-scheme]").content = theme || "light dark";
    for (const meta of head.querySelectorAll("[name=theme-color]")) {
      meta.dataset.own ??= meta.content;
      meta.content = COLOURS[theme] ?? meta.dataset.own;
    }
  }

  keep() {
    const secure = location.protocol === "https:";
    const site = secure && window.top !== window ? "SameSite=None; Secure; Partitioned" : `SameSite=Lax${secure ? "; Secure" : ""}`;
    document.cookie = `parlor_look=${cookieOf(this.isKnown, this.chosen)}; Path=${base || "/"}; Max-Age=${YEAR_S}; ${site}`;
  }
}
