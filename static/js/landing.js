// The landing page: takes a nickname and a room, and goes there.

import "./older-browsers.js";

import { sitePath } from "./base.js";
import { BrowserStorage } from "./browser-storage.js";
import { t } from "./language.js";
import { takeLanguages } from "./languages-foot.js";
import { Look } from "./look.js";
import { RoomPasses, unguessable } from "./room-key.js";
import { roomName } from "./room-name.js";
import { isNickname, isRoom, readText } from "./storage-readers.js";
import { StorageWarning } from "./storage-warning.js";
import { isBlank } from "./text.js";
import { Typed } from "./typed.js";

const local = new BrowserStorage("localStorage");
const session = new BrowserStorage("sessionStorage");
const form = document.getElementById("door");
const { nickname, room, listed } = form.elements;
const sentence = document.getElementById("door-sentence");

// What was typed before the script ran stays, and what was typed before another language was chosen.
const typed = new Typed({ session, boxes: { nickname, room, listed } });
nickname.value ||= readText(local, "nickname", isNickname) ?? "";
room.value ||= readText(local, "last-room", isRoom) ?? "";
if (nickname.value && document.activeElement !== room) room.select();

const look = new Look({ local, typed });
new StorageWarning({ local, session });

const offered = document.querySelector("#door-offer button");

offered.addEventListener("click", () => (nickname.value = offered.value));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const name = roomName(room.value || "lobby");
  if (isBlank(nickname.value)) refuse(nickname, t("A nickname is needed, any name will do."));
  else if (!name) refuse(room, t("A room's name has letters a to z, digits, - and _ (64 at most)."));
  else enter(name);
});

for (const card of document.querySelectorAll(".room-card")) card.addEventListener("click", remember);

const HINTS = {
  listed: t("Everybody sees its name here, and may come in."),
  unlisted: t("Its name gets an end that nobody guesses. Whoever has its address may come in."),
};

listed.addEventListener("change", hint);
if (!listed.checked) hint();
takeLanguages({ look, refused: say });

function hint() {
  document.getElementById("listed-hint").textContent = HINTS[listed.checked ? "listed" : "unlisted"];
}

/** An unlisted room is always a new one: under a name that nobody has. */
function enter(typed) {
  const name = listed.checked ? typed : unguessable(typed);
  if (!listed.checked) new RoomPasses({ storage: session }).set(name, { kind: "unlisted" });
  remember();
  location.assign(sitePath(`/r/${name}`));
}

function remember() {
  if (isBlank(nickname.value)) return;
  for (const storage of [local, session]) storage.set("nickname", nickname.value.trim());
  look.known();
}

function say(text) {
  sentence.textContent = text;
  sentence.hidden = false;
}

function refuse(box, text) {
  say(text);
  for (const field of [nickname, room]) field.setAttribute("aria-invalid", String(field === box));
  box.focus();
}
