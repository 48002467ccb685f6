// Where the line of the echo page may lead: to the echo, or into a room by each door that needs no library.

import { sitePath } from "./base.js";
import { t } from "./language.js";
import { newId } from "./outbox.js";
import { roomName } from "./room-name.js";

const EVENTS = ["message", "reset", "removed"];

/**
 * Opens the line of a kind. form: {subprotocol, room, nickname}. on: {open(detail), told(data), closed(detail, sentence), again()}.
 * What it answers has `close()`, and `send(data)` where something can be sent.
 */
export const OPEN = {
  echo: (form, on) => openSocket("/ws/echo", form.subprotocol.split(" ").filter(Boolean), on),
  lines: (form, on) => openSocket(inRoom(form), [], on),
  json: (form, on) => openSocket(inRoom(form), ["parlor.v1"], on),
  events: (form, on) => openEvents(`/r/${encodeURIComponent(nameOf(form))}/events`, on),
};

/** Something to begin with, as one may send it there. */
export const EXAMPLES = {
  echo: () => t("Hello, echo"),
  lines: () => t("Hello, room"),
  json: (form) => JSON.stringify({ verb: "send", payload: { room: nameOf(form), text: t("Hello, room"), id: newId() }, ref: 1 }),
};

function nameOf({ room }) {
  return roomName(room) ?? room;
}

function inRoom(form) {
  const name = form.nickname.trim();
  return `/ws/r/${encodeURIComponent(nameOf(form))}${name && `?name=${encodeURIComponent(name)}`}`;
}

function openSocket(path, offered, on) {
  const socket = new WebSocket(new URL(sitePath(path), location.href.replace(/^http/, "ws")), offered);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => on.open(socket.protocol);
  socket.onmessage = ({ data }) => on.told(data);
  socket.onclose = ({ code, reason, wasClean }) => on.closed(t("code {code}", { code }), closedWith({ code, reason, wasClean }));
  return { send: (data) => socket.send(data), close: () => socket.close(1000, "bye") };
}

function closedWith({ code, reason, wasClean }) {
  if (reason) return wasClean ? t("closed with code {code} ({reason})", { code, reason }) : t("closed with code {code} ({reason}), not cleanly", { code, reason });
  return wasClean ? t("closed with code {code}", { code }) : t("closed with code {code}, not cleanly", { code });
}

/** A stream that breaks comes again by itself, with the id of its last event. */
function openEvents(path, on) {
  const source = new EventSource(sitePath(path));
  source.onopen = () => on.open("");
  source.onerror = () => (source.readyState === EventSource.CLOSED ? on.closed(t("refused"), t("closed with refused")) : on.again());
  for (const name of EVENTS) {
    source.addEventListener(name, ({ data, lastEventId }) => on.told(`${name}${lastEventId && ` ${lastEventId}`}: ${data}`));
  }
  const close = () => {
    source.close();
    on.closed(t("by you"), t("closed with by you"));
  };
  return { close };
}
