import assert from "node:assert/strict";
import { test } from "node:test";

import { BAD_ROOM, Navigation, roomInPath } from "../../static/js/navigation.js";
import { OpenRooms } from "../../static/js/open-rooms.js";
import { MemoryStorage } from "./memory-storage.mjs";

/** The page of a site under `base`, with these rooms open and the first of them shown. */
function page({ base = "", names = ["den"], unsent = [] } = {}) {
  const done = [];
  const location = { pathname: `${base}/r/${names[0]}`, assign: (url) => done.push(`assign ${url}`) };
  const overlays = { isOverlay: false, push: (url) => (location.pathname = url), popped: () => overlays.isOverlay };
  const storage = new MemoryStorage();
  const rooms = new OpenRooms({ storage, make: (name) => ({ name }) });
  const navigation = new Navigation({
    rooms,
    overlays,
    base,
    location,
    show: ({ name }) => done.push(`show ${name}`),
    join: ({ name }) => done.push(`join ${name}`),
    left: ({ name }) => done.push(`leave ${name}`),
    hasUnsent: (name) => unsent.includes(name),
    notify: (text) => done.push(text),
  });
  for (const name of names) rooms.add(name);
  navigation.goTo(names[0], { isInHistory: true });
  done.length = 0;
  return { navigation, rooms, overlays, location, storage, done, open: () => rooms.all().map(({ name }) => name) };
}

test("a room that is open is shown, and the address says so", () => {
  const { navigation, rooms, location, done } = page({ names: ["den", "attic"] });
  navigation.goTo("attic");
  assert.deepEqual([rooms.activeName, location.pathname, done], ["attic", "/r/attic", ["show attic"]]);
});

test("another room is opened, shown and joined", () => {
  const { navigation, storage, location, done, open } = page({ base: "/chat" });
  assert.equal(navigation.open(" #Book Club"), "");
  assert.deepEqual([open(), location.pathname, done], [["den", "book-club"], "/chat/r/book-club", ["show book-club", "join book-club"]]);
  assert.deepEqual([storage.get("rooms"), storage.get("last-room")], ['["den","book-club"]', "book-club"]);
});

test("what can be no room's name is answered with a sentence, and nothing is opened", () => {
  const { navigation, done } = page();
  for (const text of ["", " ", "#", "ä", "a/b", "x".repeat(65)]) assert.equal(navigation.open(text), BAD_ROOM);
  assert.deepEqual(done, []);
});

test("the shown room again makes no new entry in the history", () => {
  const { navigation, overlays } = page();
  overlays.push = () => assert.fail("pushed");
  navigation.goTo("den");
});

test("Back shows the room of the address, and opens it again where it was left", () => {
  const { navigation, location, done } = page({ names: ["den", "attic"] });
  navigation.goTo("attic");
  navigation.leave("den");
  location.pathname = "/r/den";
  done.length = 0;
  navigation.wentBack();
  assert.deepEqual(done, ["show den", "join den"]);
});

test("Back from under an overlay leaves the room as it is", () => {
  const { navigation, overlays, done } = page({ names: ["den", "attic"] });
  overlays.isOverlay = true;
  navigation.wentBack();
  assert.deepEqual(done, []);
});

test("Back to an address that is no room's changes nothing", () => {
  const { navigation, location, done } = page();
  for (const pathname of ["/", "/r/", "/r/%", "/r/%E0%A4%A"]) {
    location.pathname = pathname;
    navigation.wentBack();
  }
  assert.deepEqual(done, []);
});

test("leaving the shown room shows the next one; leaving the last goes to the landing page", () => {
  const { navigation, rooms, done, open } = page({ base: "/chat", names: ["den", "attic"] });
  navigation.leave("den");
  assert.deepEqual([done.splice(0), rooms.activeName, open()], [["leave den", "show attic"], "attic", ["attic"]]);
  navigation.leave("attic");
  assert.deepEqual([done, open()], [["leave attic", "assign /chat/"], []]);
});

test("leaving another room changes nothing of the one in sight", () => {
  const { navigation, rooms, done } = page({ names: ["den", "attic"] });
  navigation.leave("attic");
  assert.deepEqual([done, rooms.activeName], [["leave attic"], "den"]);
});

test("a room with unsent messages is not left", () => {
  const { navigation, done, open } = page({ names: ["den"], unsent: ["den"] });
  navigation.leave("den");
  assert.deepEqual([done.length, open()], [1, ["den"]]);
  assert.match(done[0], /#den is not sent yet/);
});

test("the room of an address is read at the site's base, decoded, in its proper spelling", () => {
  assert.deepEqual([roomInPath("/r/den"), roomInPath("/chat/r/Den", "/chat"), roomInPath("/r/a%2Db")], ["den", "den", "a-b"]);
  assert.deepEqual([roomInPath("/"), roomInPath("/r/"), roomInPath("/r/%")], [null, null, null]);
});
