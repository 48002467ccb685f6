// The service worker. It stores nothing and answers nothing but one thing: where the server cannot be reached, a page that says
// so and tries again by itself. Everything else goes its usual way. (Not a module: app/web/installed.py serves it as /sw.js,
// with language.js before it.)

const LINK = `<a href="">${t("try now")}</a>`;
const AWAY = `<!doctype html>
<html lang="${language}" dir="${isRightToLeft ? "rtl" : "ltr"}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta http-equiv="refresh" content="10"><title>${t("Offline")}</title>
<style>
body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 1rem; text-align: center; font: 1rem/1.5 system-ui, sans-serif; background: #fbf9f6; color: #25221d; }
h1 { margin: 0 0 .4rem; font-size: 1.6rem; } p { margin: 0; max-width: 28rem; color: #655f55; }
a { color: #0f6f67; }
@media (prefers-color-scheme: dark) { body { background: #1b1a18; color: #ece8e1; } p { color: #aaa398; } a { color: #6ccabc; } }
</style></head><body><main><h1>${t("Not reachable just now")}</h1>
<p>${t("You are offline, or the server does not answer. Nothing you wrote is lost. This page tries again by itself; {link}.", { link: LINK })}</p>
</main></body></html>`;
const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
  "Cache-Control": "no-store",
};

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => {
  const preload = self.registration.navigationPreload?.enable(); // the page is asked for while the worker starts
  event.waitUntil(Promise.all([preload, self.clients.claim()]));
});

self.addEventListener("fetch", (event) => {
  const { mode, method } = event.request;
  if (mode === "navigate" && method === "GET") event.respondWith(pageOf(event));
});

async function pageOf(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return new Response(AWAY, { status: 503, headers: HEADERS });
  }
}
