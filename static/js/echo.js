// The echo page: a plain connection by hand, and everything that goes or comes over it.

import "./older-browsers.js";

import { EXAMPLES, OPEN } from "./echo-lines.js";
import { dateFormat, t, tn } from "./language.js";

const element = (id) => document.getElementById(id);
const clock = dateFormat({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const kind = element("kind");
const payload = element("payload");
const frames = element("frames");
const encoder = new TextEncoder();
const chosen = ["kind", "subprotocol", "room", "nickname"].map(element);
let line = null;
let example = payload.value;
const STATES = { closed: t("closed"), closing: t("closing"), connecting: t("connecting"), open: t("open") };

element("connect").addEventListener("click", connect);
element("disconnect").addEventListener("click", () => {
  show("closing");
  line.close();
});
element("clear").addEventListener("click", () => frames.replaceChildren());
element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  sendText(payload.value);
});
element("say-bytes").addEventListener("click", () => sendBytes(encoder.encode(payload.value)));
kind.addEventListener("change", showKind);
showKind();

function form() {
  return Object.fromEntries(chosen.map(({ id, value }) => [id, value]));
}

/** Only what this kind of line needs; and something to send, unless the person has typed their own. */
function showKind() {
  for (const field of document.querySelectorAll("[data-for]")) {
    field.hidden = !field.dataset.for.split(" ").includes(kind.value);
  }
  element("say").hidden = !(kind.value in EXAMPLES);
  if (payload.value === example && kind.value in EXAMPLES) payload.value = example = EXAMPLES[kind.value](form());
}

function connect() {
  show("connecting");
  line = OPEN[kind.value](form(), {
    open: (protocol) => {
      show("open", protocol && t("subprotocol {protocol}", { protocol }));
      log("line", opened(protocol));
    },
    told: (data) => log("in", data),
    again: () => {
      show("connecting");
      log("line", t("broken, and coming again"));
    },
    closed: (detail, sentence) => {
      show("closed", detail);
      log("line", sentence);
    },
  });
}

function opened(protocol) {
  if (protocol) return t("open, the server chose {protocol}", { protocol });
  return kind.value === "events" ? t("open") : t("open, no subprotocol");
}

function sendText(text) {
  line.send(text);
  log("out", text);
}

function sendBytes(bytes) {
  line.send(bytes);
  log("out", bytes.buffer);
}

function show(state, detail) {
  element("state").dataset.state = state;
  element("state").textContent = detail ? `${STATES[state]} · ${detail}` : STATES[state];
  const isOpen = state === "open";
  element("connect").disabled = state !== "closed";
  for (const one of chosen) one.disabled = state !== "closed";
  element("disconnect").disabled = !isOpen && state !== "connecting";
  for (const button of element("say").querySelectorAll("button")) button.disabled = !isOpen;
}

/** way: "out", "in", or "line" for opening and closing. */
function log(way, data) {
  const entry = document.createElement("p");
  const time = document.createElement("time");
  const text = document.createElement("span");
  entry.className = "frame";
  entry.dataset.way = way;
  time.textContent = clock.format(new Date());
  text.textContent = typeof data === "string" ? data : hexOf(new Uint8Array(data));
  text.dir = "auto";
  text.classList.toggle("is-binary", typeof data !== "string");
  entry.append(time, text);
  frames.querySelector(".quiet")?.remove();
  frames.append(entry);
  frames.scrollTop = frames.scrollHeight;
}

function hexOf(bytes) {
  const shown = [...bytes.slice(0, 256)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return tn("{n} byte: {shown}", "{n} bytes: {shown}", bytes.length, { shown: bytes.length > 256 ? `${shown} …` : shown });
}
