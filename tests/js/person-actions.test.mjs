import assert from "node:assert/strict";
import { test } from "node:test";

import { actionsInRoom, actionsOn } from "../../static/js/person-actions.js";
import { changedSettings, RoomRules } from "../../static/js/room-rules.js";

const me = { is: (id) => id === "ann", ignores: (id) => id === "eve" };
const names = (list) => list.map((one) => one.do);
const on = (role, person, message) => names(actionsOn({ me, role, person, message }));

test("anybody reports and ignores; nobody acts on themselves", () => {
  assert.deepEqual(on(null, { id: "bob" }), ["ignore", "message", "about"]);
  assert.deepEqual(on(null, { id: "bob" }, { seq: 1 }), ["report", "ignore", "message", "copy", "link", "about"]);
  assert.deepEqual(on(null, { id: "eve" }), ["unignore", "message", "about"]);
  assert.deepEqual(on("owner", { id: "ann" }, { seq: 1 }), ["copy", "link"]);
  assert.deepEqual(on("owner", { id: "ann" }), []);
  assert.deepEqual(on(null, { id: "bob" }, { seq: 1, deleted: true }), ["ignore", "message", "link", "about"]);
});

test("in a conversation of two there is nothing to report, and it is open already", () => {
  assert.deepEqual(names(actionsOn({ me, role: null, person: { id: "bob" }, message: { seq: 1 }, isDirect: true })), ["ignore", "copy", "about"]);
  assert.deepEqual(names(actionsInRoom(new RoomRules(), true)), ["notifications", "leave"]);
});

test("a moderator acts on those below them, and deletes anything", () => {
  assert.deepEqual(on("moderator", { id: "bob" }, { seq: 1 }), ["report", "ignore", "message", "copy", "link", "about", "delete", "mute", "kick", "ban"]);
  for (const role of ["moderator", "owner"]) assert.deepEqual(on("moderator", { id: "bob", role }, { seq: 1 }), ["report", "ignore", "message", "copy", "link", "about", "delete"]);
});

test("an owner appoints and dismisses too", () => {
  assert.deepEqual(on("owner", { id: "bob" }), ["ignore", "message", "about", "mute", "kick", "ban", "moderator", "owner"]);
  assert.deepEqual(on("owner", { id: "bob", role: "moderator" }), ["ignore", "message", "about", "mute", "kick", "ban", "owner", "dismiss"]);
  assert.deepEqual(on("owner", { id: "bob", role: "owner" }), ["ignore", "message", "about", "moderator", "dismiss"]);
  assert.deepEqual(on("owner", { id: "bot-1", role: "bot" }), ["ignore", "about", "mute", "kick", "ban"], "a bot has no other role");
});

test("the menu of a room has what one's role allows", () => {
  const rules = new RoomRules();
  const of = (...own) => [...own, "notifications", "leave"];
  assert.deepEqual(names(actionsInRoom(rules)), of());
  rules.set({ topic: "", passphrase: true, role: null, topic_by: "owner" });
  assert.deepEqual(names(actionsInRoom(rules)), of("invite"));
  rules.set({ locked: true, passphrase: true, role: "moderator", topic_by: "owner" });
  assert.deepEqual(names(actionsInRoom(rules)), of("moderation"));
  rules.set({ locked: true, role: "owner" });
  assert.deepEqual(names(actionsInRoom(rules)), of("settings", "invite", "ownerKey", "programs", "moderation"));
});

test("what everybody is told of a room leaves one's own role and mute as they are", () => {
  const rules = new RoomRules();
  rules.set({ topic: "tea", slow: 5, role: "moderator", muted: { reason: "x" } });
  rules.set({ topic: "cake" });
  assert.deepEqual([rules.topic, rules.slow, rules.role, rules.muted], ["cake", 0, "moderator", { reason: "x" }]);
  rules.setStanding({ role: null });
  assert.deepEqual([rules.role, rules.muted], [null, null]);
});

test("only what changed is asked for, and an empty passphrase keeps the old one", () => {
  const before = { topic: "tea", topic_by: "member", welcome: "", listed: true, locked: false, slow: 0, passphrase: true };
  assert.deepEqual(changedSettings(before, { ...before, passphrase: "" }), {});
  assert.deepEqual(changedSettings(before, { ...before, topic: "cake", slow: 30, passphrase: "open sesame" }), { topic: "cake", slow: 30, passphrase: "open sesame" });
  assert.deepEqual(changedSettings(before, { ...before, passphrase: null }), { passphrase: null });
  assert.deepEqual(changedSettings({ ...before, keep_days: null }, { ...before, keep_days: 0, passphrase: "" }), { keep_days: 0 });
  assert.deepEqual(changedSettings({ ...before, keep_days: 7 }, { ...before, keep_days: null, passphrase: "" }), { keep_days: null });
  assert.deepEqual(changedSettings({ ...before, passphrase: false }, { ...before, passphrase: null }), {});
});
