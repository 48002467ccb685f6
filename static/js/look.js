// How the page looks: theme, size of the text, rows, motion; and its language. The choice is kept in this browser's storage, and
// in a cookie by which the server already sends the page so (app/web/look.py), and that there is a nickname.

import { base } from "./base.js";
import { look as isLook, readJson } from "./storage-readers.js";

const COOKIE = "parlor_look";
const YEAR_S = 365 * 24 * 3600;
const COLOURS = { light: "#f6f3ee", dark: "#171614" }; // of the browser around the page
/** What can be chosen; the empty one is as the system has it. */
export const CHOICES = {
  theme: ["", "light", "dark"],
  text: ["", "large", "larger"],
  rows: ["", "compact"],
  motion: ["", "still"],
};

/** The cookie's value: `in.dark.large.lang-de`. */
export function cookieOf(isKnown, chosen) {
  const looks = Object.keys(CHOICES).map((name) => chosen[name]);
  return [isKnown ? "in" : "", ...looks, chosen.language ? languagePart(chosen) : ""].filter(Boolean).join(".");
}

function languagePart({ language }) {
  return `lang-${language}`;
}

export class Look {
  /** reload(): the page anew, as the server sends it now. */
  constructor({ local, reload = () => location.reload() }) {
    Object.assign(this, { local, reload });
    this.chosen = readJson(local, "look", isLook) ?? {};
    this.isKnown = false;
    this.show();
    if (this.chosen.language && !this.isLanguageKept) this.askAgain(); // some browsers drop the cookie after a week
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

  /** By a page of that language: drafts and what waits to be sent are stored. False where the browser keeps no cookie for it. */
  chooseLanguage(value) {
    this.choose("language", value);
    return this.askAgain();
  }

  askAgain() {
    this.keep();
    const isKept = !this.chosen.language || this.isLanguageKept;
    if (isKept) this.reload();
    return isKept;
  }

  /** Without it the server does not know the language, and asking again would change nothing. */
  get isLanguageKept() {
    return document.cookie.split("; ").some((one) => one.startsWith(`${COOKIE}=`) && one.slice(COOKIE.length + 1).split(".").includes(languagePart(this.chosen)));
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
    document.cookie = `${COOKIE}=${cookieOf(this.isKnown, this.chosen)}; Path=${base || "/"}; Max-Age=${YEAR_S}; ${site}`;
  }
}
