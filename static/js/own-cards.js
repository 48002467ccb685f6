// Links within messages that lead to a room or message of this very site: their cards are made of the site's own words. Those
// of rooms that are open here are known; others are asked for, one after the other, and nothing is shown of what one may not
// read. No DOM in here.

import { seqIn } from "./permalink.js";
import { wordsText } from "./words-text.js";

const ROOM = /^\/r\/([a-z0-9][a-z0-9_-]{0,63})\/?$/i;
const MAX_WAITING = 20; // the newest ones are asked for
const MAX_KNOWN = 300;
const FRESH_MS = 60_000;
const MAX_TEXT = 300;

/** The first link of a tree of words that leads to a room of the site at this address: {url, room, seq}, or null. */
export function ownLink(words, site) {
  for (const node of Array.isArray(words) ? words : []) {
    if (Array.isArray(node) || (typeof node === "object" && node !== null)) {
      const found = Array.isArray(node) ? ownLink(node, site) : inNode(node, site);
      if (found) return found;
    }
  }
  return null;
}

function inNode(node, site) {
  if ("link" in node) return leadsTo(String(node.link), site);
  if ("quote" in node || "codeblock" in node) return null;
  return Object.values(node).reduce((found, inner) => found ?? ownLink(inner, site), null);
}

function leadsTo(url, site) {
  if (!url.startsWith(`${site}/`)) return null;
  const [path, ...hash] = url.slice(site.length).split("#");
  const room = ROOM.exec(path)?.[1].toLowerCase();
  return room ? { url, room, seq: hash.length > 0 ? seqIn(`#${hash.join("#")}`) : null } : null;
}

export class OwnCards {
  /**
   * site: its address, without a slash at the end; find(room, seq): the message where it is held here; ignores(id): of its author; ask(verb, payload) -> Promise
   * of the ack; changed(room, seq): this message of that room looks different now; now(): milliseconds.
   */
  constructor({ site, find, ignores, ask, changed, now }) {
    Object.assign(this, { site, find, ignores, ask, changed, now });
    this.links = new WeakMap(); // by tree of words
    this.known = new Map(); // by link: {preview, at}; preview null: nothing to show
    this.waiting = new Map(); // by link: the messages that show it
    this.isAsking = false;
  }

  /** What a message of the room shows of such a link: {link, preview}, or null. */
  of(room, { seq, words, deleted }) {
    const link = deleted ? null : this.linkIn(words);
    if (!link) return null;
    const held = link.seq && this.find(link.room, link.seq);
    if (held) return this.shown(link, held.deleted ? null : previewOf(held));
    const key = `${link.room}#${link.seq ?? ""}`;
    const known = this.known.get(key);
    if (!known || this.now() - known.at > FRESH_MS) this.want(key, link, { room, seq });
    return this.shown(link, known?.preview);
  }

  shown({ url, room, seq }, preview) {
    return preview && !this.ignores(preview.author) ? { url, preview: { ...preview, room, seq } } : null;
  }

  linkIn(words) {
    if (!words) return null;
    if (!this.links.has(words)) this.links.set(words, ownLink(words, this.site));
    return this.links.get(words);
  }

  want(key, link, message) {
    const known = this.waiting.get(key);
    if (known) known.messages.push(message);
    else this.waiting.set(key, { link, messages: [message] });
    if (this.waiting.size > MAX_WAITING) this.waiting.delete(this.waiting.keys().next().value);
    this.askAll();
  }

  async askAll() {
    if (this.isAsking) return;
    this.isAsking = true;
    while (this.waiting.size > 0) {
      const [key, { link, messages }] = [...this.waiting].at(-1);
      const ack = await this.ask("preview", { room: link.room, ...(link.seq && { seq: link.seq }) }).catch(() => null);
      this.waiting.delete(key);
      if (!ack || ack.error === "too_fast") break; // asked again when they are drawn anew
      this.learn(key, ack.ok ? ack.card : null);
      for (const { room, seq } of messages) this.changed(room, seq);
    }
    this.waiting.clear();
    this.isAsking = false;
  }

  learn(key, preview) {
    this.known.delete(key);
    this.known.set(key, { preview, at: this.now() });
    if (this.known.size > MAX_KNOWN) this.known.delete(this.known.keys().next().value);
  }
}

function previewOf({ author, nickname, at, text, words, file }) {
  return { author, nickname, at, text: wordsText(words ?? text).slice(0, MAX_TEXT), file: file?.name };
}
