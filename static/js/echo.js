// The echo page: a plain WebSocket by hand, and every frame that goes or comes.

import "./older-browsers.js";

import { sitePath } from "./base.js";

const element = (id) => document.getElementById(id);
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const payload = element("payload");
const frames = element("frames");
const encoder = new TextEncoder();
let socket = null;

element("connect").addEventListener("click", connect);
element("disconnect").addEventListener("click", () => {
  socket.close(1000, "bye");
  show("closing");
});
element("clear").addEventListener("click", () => frames.replaceChildren());
element("say").addEventListener("submit", (event) => {
  event.preventDefault();
  sendText(payload.value);
});
element("say-bytes").addEventListener("click", () => sendBytes(encoder.encode(payload.value)));

function connect() {
  const offered = element("subprotocol").value.split(" ").filter(Boolean);
  const url = new URL(sitePath("/ws/echo"), location.href.replace(/^http/, "ws"));
  socket = new WebSocket(url, offered);
  socket.binaryType = "arraybuffer";
  show("connecting");
  socket.onopen = () => {
    show("open", socket.protocol && `subprotocol ${socket.protocol}`);
    log("line", `open${socket.protocol ? `, the server chose ${socket.protocol}` : ", no subprotocol"}`);
  };
  socket.onmessage = ({ data }) => log("in", data);
  socket.onclose = ({ code, reason, wasClean }) => {
    show("closed", `code ${code}`);
    log("line", `closed with code ${code}${reason ? ` (${reason})` : ""}${wasClean ? "" : ", not cleanly"}`);
  };
}

function sendText(text) {
  socket.send(text);
  log("out", text);
}

function sendBytes(bytes) {
  socket.send(bytes);
  log("out", bytes.buffer);
}

function show(state, detail) {
  element("state").dataset.state = state;
  element("state").textContent = detail ? `${state} · ${detail}` : state;
  const isOpen = state === "open";
  element("connect").disabled = state !== "closed";
  element("subprotocol").disabled = state !== "closed";
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
  return `${bytes.length} bytes: ${shown}${bytes.length > 256 ? " …" : ""}`;
}
