// Registers the service worker, when all that the person came for is there.

import { sitePath } from "./base.js";

let isAsked = false;

/** Never fails: without the worker the page works as well. */
export function registerWorker() {
  if (isAsked || !navigator.serviceWorker) return;
  isAsked = true;
  const register = () => navigator.serviceWorker.register(trusted(sitePath("/sw.js")), { scope: sitePath("/") }).catch(() => null);
  (globalThis.requestIdleCallback ?? setTimeout)(register);
}

/** The address of a script, as our policy wants it (W3C, Trusted Types). */
function trusted(path) {
  const policy = globalThis.trustedTypes?.createPolicy("service-worker", { createScriptURL: (url) => url });
  return policy?.createScriptURL(path) ?? path;
}
