import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

import { bytesOf, PushChoice } from "../../static/js/push-choice.js";
import { MemoryStorage } from "./memory-storage.mjs";

const KEY = Buffer.alloc(65, 7).toString("base64url");
const [WORDS, PUSHES] = ["language", "push-worker"].map((name) => readFileSync(new URL(`../../static/js/${name}.js`, import.meta.url), "utf8"));
const WORKER = WORDS.replace(/^export /gm, "") + PUSHES; // as app/web/installed.py joins them

/** A browser with a service worker and a push service; asked: what the server was asked. */
function browser({ refusal, subscribed, isBroken } = {}) {
  const asked = [];
  const made = [];
  let subscription = subscribed ?? null;
  const newSubscription = (applicationServerKey) => ({
    endpoint: `https://push.example/${made.length}`,
    options: { applicationServerKey: applicationServerKey.buffer },
    toJSON() {
      return { endpoint: this.endpoint, expirationTime: null, keys: { p256dh: "p", auth: "a" } };
    },
    unsubscribe: async () => (subscription = null),
  });
  const pushManager = {
    getSubscription: async () => subscription,
    subscribe: async ({ userVisibleOnly, applicationServerKey }) => {
      if (isBroken) throw new Error("no push service");
      made.push(userVisibleOnly);
      return (subscription = newSubscription(applicationServerKey));
    },
  };
  const registration = { active: true, pushManager };
  const container = { getRegistration: async () => undefined, register: async () => registration, ready: Promise.resolve(registration) };
  const ask = async (verb, payload) => (asked.push({ verb, ...payload }), payload.endpoint && refusal ? { ok: false, text: refusal } : { ok: true, key: KEY });
  const storage = new MemoryStorage();
  const choice = new PushChoice({ storage, path: (path) => path, isOffered: true, ask, container, manager: class {} });
  return { choice, asked, made, registration, container, newSubscription };
}

test("a browser subscribes with the site's key, and says so to the server", async () => {
  const { choice, asked, made } = browser();
  assert.equal(choice.isOn, false);
  assert.equal(await choice.turnOn(), "");
  assert.equal(choice.isOn, true);
  assert.deepEqual(asked, [{ verb: "push" }, { verb: "push", endpoint: "https://push.example/1", p256dh: "p", auth: "a" }]);
  assert.deepEqual(made, [true]);
});

test("with each welcome the same subscription is told again, and one of another key replaced", async () => {
  const { choice, asked, made, container, registration, newSubscription } = browser();
  await choice.renew();
  assert.deepEqual(asked, [], "nobody has wanted that");
  await choice.turnOn();
  container.getRegistration = async () => registration;
  await choice.renew();
  assert.equal(made.length, 1);
  assert.equal(asked.at(-1).endpoint, "https://push.example/1");
  registration.pushManager.getSubscription = async () => newSubscription(new Uint8Array(65));
  await choice.renew();
  assert.equal(made.length, 2);
});

test("turned off, neither the browser nor the server knows of it any more", async () => {
  const { choice, asked, container, registration } = browser();
  await choice.turnOn();
  container.getRegistration = async () => registration;
  await choice.turnOff();
  assert.deepEqual(asked.at(-1), { verb: "push", endpoint: "https://push.example/1", on: false });
  assert.equal(choice.isOn, false);
  assert.equal(await registration.pushManager.getSubscription(), null);
});

test("why it cannot be done is said", async () => {
  const refused = browser({ refusal: "Too much." });
  assert.equal(await refused.choice.turnOn(), "Too much.");
  assert.equal(refused.choice.isOn, false);
  assert.match(await browser({ isBroken: true }).choice.turnOn(), /push service/);
});

test("where the operator has switched it off, or the browser has none, it is not offered", () => {
  const made = (more) => new PushChoice({ storage: new MemoryStorage(), isOffered: true, container: {}, manager: class {}, ...more }).isPossible;
  assert.deepEqual([made({}), made({ isOffered: false }), made({ container: null }), made({ manager: null })], [true, false, false, false]);
});

test("base64url becomes bytes", () => {
  assert.deepEqual([...bytesOf("-_8A")], [251, 255, 0]);
});

/** The worker with a push or a click; what it showed, opened and posted. */
async function worker(type, event, pages = [], site = {}) {
  const did = { shown: [], opened: [], posted: [], focused: 0 };
  const handlers = {};
  const clients = pages.map((url) => ({ url, focus: async () => (did.focused += 1), postMessage: (message) => did.posted.push(message) }));
  const self = {
    addEventListener: (name, handler) => (handlers[name] = handler),
    registration: { scope: "https://chat.example/base/", showNotification: async (title, options) => did.shown.push({ title, ...options }) },
    clients: { matchAll: async () => clients, openWindow: async (url) => did.opened.push(url) },
  };
  vm.runInNewContext(WORKER, { self, ...site });
  let done;
  handlers[type]({ ...event, waitUntil: (promise) => (done = promise) });
  await done;
  return JSON.parse(JSON.stringify(did));
}

const pushed = (told) => ({ data: { json: () => told } });

test("a push is shown with who said what and where", async () => {
  const told = { room: "lobby", seq: 7, nickname: "Ann", text: "hello", kind: "said", count: 1 };
  const [shown] = (await worker("push", pushed(told))).shown;
  assert.deepEqual(shown, { title: "Ann in #lobby", body: "hello", tag: "parlor:lobby", renotify: true, data: { room: "lobby", seq: 7 } });
  const direct = (await worker("push", pushed({ ...told, room: "@id", kind: "action", text: "waves", count: 3 }))).shown[0];
  assert.deepEqual([direct.title, direct.body], ["Ann", "* Ann waves\n(3 messages)"]);
  assert.equal((await worker("push", pushed({ ...told, kind: "file", text: "", file: "a.png" }))).shown[0].body, "a.png");
});

test("what the worker says itself is in the reader's language", async () => {
  const words = { "{who} in {room}": "{room}: {who}", "({n} message)": ["({n} Nachricht)", "({n} Nachrichten)"] };
  const german = { parlorPage: { lang: "de", dir: "ltr" }, parlorLanguage: { forms: ["one", "other"], words } };
  const told = { room: "lobby", seq: 7, nickname: "Ann", text: "hello", kind: "said", count: 1_000 };
  const [shown] = (await worker("push", pushed(told), [], german)).shown;
  assert.deepEqual([shown.title, shown.body], ["#lobby: Ann", "hello\n(1.000 Nachrichten)"]);
});

test("a push that cannot be read is shown all the same", async () => {
  const broken = { data: { json: () => JSON.parse("{") } };
  for (const event of [broken, { data: null }, pushed(null), pushed(7), pushed({ room: 7 })]) {
    assert.equal((await worker("push", event)).shown[0].title, "A new message");
  }
});

test("a click leads to the message, in a page that is open or in a new one", async () => {
  const clicked = (data) => ({ notification: { close() {}, data } });
  const page = "https://chat.example/base/r/attic";
  const open = await worker("notificationclick", clicked({ room: "lobby", seq: 7 }), ["https://chat.example/base/", page]);
  assert.deepEqual(open, { shown: [], opened: [], posted: [{ type: "open", room: "lobby", seq: 7 }], focused: 1 });
  assert.deepEqual((await worker("notificationclick", clicked({ room: "lobby", seq: 7 }))).opened, ["https://chat.example/base/r/lobby#7"]);
  assert.deepEqual((await worker("notificationclick", clicked({ room: "@id", seq: 7 }))).opened, ["https://chat.example/base/r/@id#7"]);
  assert.deepEqual((await worker("notificationclick", clicked({}))).opened, ["https://chat.example/base/"]);
});
