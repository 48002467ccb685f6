// The browser's token is in a cookie that no script can read. This asks the server to replace it: where the cookie is none
// that was issued there (its database is another one, or somebody else has put it there), and after `identify`.

import { sitePath } from "./base.js";
import { newId } from "./outbox.js";
import { isToken, readText } from "./storage-readers.js";

const TIMEOUT_MS = 10_000;

export class TokenRenewal {
  /** storage is that of all tabs; post(payload) -> Promise of the answer, null where none came. */
  constructor({ storage, post = postToken }) {
    Object.assign(this, { storage, post, handle: null, hasTried: false });
  }

  /** Tabs that ask at once have the same one, and get the same token. */
  get seed() {
    this.keepSeed();
    return readText(this.storage, "seed", isToken);
  }

  /** Long before it is needed: two tabs that lose their cookie at once would each make one. */
  keepSeed() {
    if (!readText(this.storage, "seed", isToken)) this.storage.set("seed", newId());
  }

  /** A connection was welcomed; isUnknown: the cookie is none of the server's. True where another one is to be asked for. */
  isDue(isUnknown) {
    this.keepSeed();
    if (!isUnknown) this.hasTried = false; // a cookie that was kept: if the database is lost again, so is this one
    return Boolean(this.handle || (isUnknown && !this.hasTried));
  }

  /** True where the page is to come again, with the cookie that it has now. */
  async ask() {
    if (this.handle) return this.renew();
    this.hasTried = true; // cookies that are not kept are asked for once
    return Boolean((await this.post({ seed: this.seed }))?.ok);
  }

  /** This tab has become another person, of whom `handle` brings the token. Where no answer comes, the next welcome tries
   * again: until then the cookie is good as it is. */
  identified(handle) {
    this.handle = handle;
    return this.renew();
  }

  async renew() {
    const answer = await this.post({ handle: this.handle });
    if (!answer) return false;
    this.handle = null;
    if (answer.ok) await this.post({ seed: this.seed }); // comes with the new cookie: the former is good no longer
    return Boolean(answer.ok);
  }
}

async function postToken(payload) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), TIMEOUT_MS);
  try {
    const answer = await fetch(sitePath("/token"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(payload),
      signal: stop.signal,
    });
    return answer.status < 500 ? { ok: answer.ok } : null;
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
