import assert from "node:assert/strict";
import { test } from "node:test";

import { OpenRooms } from "../../static/js/open-rooms.js";
import { roomName } from "../../static/js/room-name.js";
import { MemoryStorage } from "./memory-storage.mjs";

function open(storage = new MemoryStorage()) {
  const done = [];
  const rooms = new OpenRooms({
    storage,
    make: (name) => ({ name }),
    changed: ({ name }) => done.push(`changed ${name}`),
    removed: (name) => done.push(`removed ${name}`),
  });
  return { rooms, storage, done };
}

test("rooms stay in the order in which they were opened, through a reload", () => {
  const { rooms, storage } = open();
  for (const name of ["den", "attic", "den", "lobby"]) rooms.add(name);
  assert.deepEqual(rooms.all().map(({ name }) => name), ["den", "attic", "lobby"]);
  assert.deepEqual(open(storage).rooms.stored(), ["den", "attic", "lobby"]);
});

test("a room that is open is not made twice", () => {
  const { rooms } = open();
  assert.equal(rooms.add("den"), rooms.add("den"));
});

test("the list hears what to draw and what to remove", () => {
  const { rooms, done } = open();
  rooms.add("den");
  rooms.add("attic");
  rooms.activate("attic");
  rooms.remove("den");
  assert.deepEqual(done, ["changed den", "changed attic", "changed den", "changed attic", "removed den"]);
  assert.deepEqual([rooms.active.name, rooms.get("den")], ["attic", undefined]);
});

test("what another tab has opened meanwhile stays in the storage", () => {
  const { rooms, storage } = open();
  rooms.add("den");
  open(storage).rooms.add("attic");
  rooms.remove("den");
  assert.deepEqual(rooms.stored(), ["attic"]);
});

test("a room's name is found in what people type", () => {
  assert.deepEqual(["#Den", " book  club ", "a_b-1"].map(roomName), ["den", "book-club", "a_b-1"]);
  for (const bad of ["", "#", "-den", "dén", "a/b", "x".repeat(65)]) assert.equal(roomName(bad), null);
});
