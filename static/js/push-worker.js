// What the service worker does with a push: it shows it, and a click leads to the message. (Not a module: it is part of
// /sw.js, where `t` and `tn` of language.js are.)
// The server sends none while a page is open, and what it sends only this browser can read.

self.addEventListener("push", (event) => event.waitUntil(showPush(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openMessage(event.notification.data ?? {}));
});

function showPush(data) {
  const told = readPush(data);
  const { room = "", seq = 0, nickname = "", text = "", file = "", kind, count = 1 } = told;
  const title = room.startsWith("@") || !room ? nickname : t("{who} in {room}", { who: nickname, room: `#${room}` });
  const said = kind === "action" ? `* ${nickname} ${text}` : text || file;
  const body = count > 1 ? `${said}\n${tn("({n} message)", "({n} messages)", count)}` : said;
  // Each push has to show something, also one that cannot be read.
  return self.registration.showNotification(title || t("A new message"), { body, tag: `parlor:${room}`, renotify: true, data: { room, seq } });
}

function readPush(data) {
  try {
    const told = data.json();
    return typeof told === "object" && told !== null && typeof told.room === "string" ? told : {};
  } catch {
    return {};
  }
}

/** In a page that is open, or in a new one. */
async function openMessage({ room, seq }) {
  const [page] = (await self.clients.matchAll({ type: "window" })).filter(({ url }) => url.startsWith(`${self.registration.scope}r/`));
  if (page) {
    await page.focus();
    if (room) page.postMessage({ type: "open", room, seq });
    return;
  }
  await self.clients.openWindow(room ? `${self.registration.scope}r/${encodeURIComponent(room).replace("%40", "@")}${seq ? `#${seq}` : ""}` : self.registration.scope);
}
