// How the page looks: theme, size of the text, rows, motion; and its language. The choice is kept in this browser's storage, and
// in a cookie by which the server already sends the page so (app/web/look.py), and that there is a nickname.

import { base } from "./base.js";
import { t } from "./language.js";
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

export const NO_COOKIE = t("This browser blocks cookies here, and without them the language does not stay chosen.");

/** The cookie's value: `in.dark.large.lang-de`. */
export function cookieOf(isKnown, chosen) {
  const looks = Object.keys(CHOICES).map((name) => chosen[name]);
  return [isKnown ? "in" : "", ...looks, chosen.language ? `lang-${chosen.language}` : ""].filter(Boolean).join(".");
}

/** What the cookie says, by whomever it was written. */
function kept() {
  const rows = document.cookie.split("; ").filter((one) => one.startsWith(`${COOKIE}=`));
  return rows.flatMap((one) => one.slice(COOKIE.length + 1).split("."));
}

/** What there is to choose; the server knows the languages. */
function choosable(chosen) {
  return Object.fromEntries(Object.entries(chosen).filter(([name, value]) => name === "language" || CHOICES[name]?.includes(value)));
}

export class Look {
  /** typed: what outlasts a page in another language, see typed.js. */
  constructor({ local, typed }) {
    Object.assign(this, { local, typed });
    this.chosen = choosable(readJson(local, "look", isLook) ?? {});
    this.isKnown = false;
    this.show();
    const { lang } = document.documentElement;
    const languages = kept().filter((part) => part.startsWith("lang-"));
    if (languages.includes(`lang-${lang}`)) this.store("language", lang); // chosen without a script
    if (this.chosen.language && languages.length === 0) this.askAgain(); // some browsers drop the cookie after a week
  }

  /** There is a nickname: the next page need not ask. */
  known() {
    if (this.isKnown) return;
    this.isKnown = true;
    this.keep();
  }

  choose(name, value) {
    this.store(name, value);
    this.show();
    this.keep();
  }

  store(name, value) {
    if (this.chosen[name] === value) return;
    this.chosen = { ...this.chosen, [name]: value };
    this.local.set("look", JSON.stringify(this.chosen));
  }

  /** By a page of that language: drafts, what waits to be sent, and what is typed are stored. False where the browser keeps no cookie for it. */
  chooseLanguage(value) {
    this.choose("language", value);
    return this.askAgain();
  }

  askAgain() {
    this.keep();
    const isKept = this.isLanguageKept || !this.chosen.language; // read in any case: Chromium may else ask with the cookie of before
    if (isKept) this.typed.keep();
    if (isKept) location.reload();
    return isKept;
  }

  /** Without it the server does not know the language, and asking again would change nothing. */
  get isLanguageKept() {
    return kept().includes(`lang-${this.chosen.language}`);
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
    document.cookie = `${COOKIE}=${cookieOf(this.isKnown || kept().includes("in"), this.chosen)}; Path=${base || "/"}; Max-Age=${YEAR_S}; ${site}`;
  }
}
