// Whether this browser is woken by pushes while no page is open: its subscription, and the server's row of it.

import { t } from "./language.js";

const SCRIPT = "/sw.js";

export class PushChoice {
  /**
   * storage: remembers that it is wanted here; path(path): of the site; isOffered: the operator has not switched it off; ask(verb,
   * payload) -> Promise of the ack, {ok: false, text} without a connection.
   */
  constructor({ storage, path, isOffered, ask, container = navigator.serviceWorker, manager = globalThis.PushManager }) {
    Object.assign(this, { storage, path, isOffered, ask, container });
    this.isPossible = Boolean(isOffered && container && manager);
  }

  get isOn() {
    return this.isPossible && this.storage.get("push") === "on";
  }

  /** Answers a sentence where it cannot be done. The browser has asked for notifications before. */
  async turnOn() {
    try {
      const refusal = await this.subscribe();
      if (refusal) return refusal;
      this.storage.set("push", "on");
      return "";
    } catch {
      return t("This browser could not reach its push service. Try again later.");
    }
  }

  async turnOff() {
    this.storage.set("push", "off");
    const subscription = await (await this.registration())?.pushManager.getSubscription();
    if (!subscription) return;
    this.ask("push", { endpoint: subscription.endpoint, on: false });
    await subscription.unsubscribe();
  }

  /** After each welcome: the browser may have another subscription than the server knows, and another person. */
  async renew() {
    if (this.isOn) await this.subscribe().catch(() => null);
  }

  async subscribe() {
    const ack = await this.ask("push", {});
    if (!ack.ok) return ack.text;
    const { pushManager } = await this.registered();
    const key = bytesOf(ack.key);
    let subscription = await pushManager.getSubscription();
    if (subscription && !isSame(subscription.options?.applicationServerKey, key)) {
      await subscription.unsubscribe();
      subscription = null;
    }
    subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    const { endpoint, keys } = subscription.toJSON();
    const { ok, text } = await this.ask("push", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
    return ok ? "" : text;
  }

  registration() {
    return this.container.getRegistration(this.path("/"));
  }

  async registered() {
    const registration = (await this.registration()) ?? (await this.container.register(trusted(this.path(SCRIPT)), { scope: this.path("/") }));
    if (!registration.active) await this.container.ready;
    return registration;
  }
}

/** The site's own script: its content security policy wants that said. */
function trusted(url) {
  const { trustedTypes } = globalThis;
  return trustedTypes ? trustedTypes.createPolicy("service-worker", { createScriptURL: (own) => own }).createScriptURL(url) : url;
}

/** Of base64url. */
export function bytesOf(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (one) => one.charCodeAt(0));
}

/** A browser that does not tell its key has whatever it had. */
function isSame(buffer, bytes) {
  if (!buffer) return true;
  const known = new Uint8Array(buffer);
  return known.length === bytes.length && known.every((one, at) => one === bytes[at]);
}
