// The diagnostics page: runs the probes one after the other, shows what each found, and sums it up in a sentence.

import "./older-browsers.js";

import { keeping } from "./diagnostics/keeping.js";
import { polling } from "./diagnostics/polling.js";
import { server, way } from "./diagnostics/reach.js";
import { silence } from "./diagnostics/silence.js";
import { reportOf, toMend, verdictOf } from "./diagnostics/verdict.js";
import { webSocket } from "./diagnostics/websocket.js";

const SLOW = 2_500;
const LASTING = { least: 1, usual: 60, most: 600 }; // seconds
const WORDS = {
  ok: "works",
  warn: "works, with a hitch",
  bad: "does not work",
  unknown: "not known",
  trying: "is being tried",
};
const PROBES = [
  { name: "Server", probe: server },
  { name: "Way", probe: way },
  { name: "Browser", probe: keeping },
  { name: "Polling", probe: () => polling(offered), slow: "no answer yet; given up after 15 s at most" },
  { name: "WebSocket", probe: () => webSocket(offered), slow: "no answer yet; one that hangs takes up to 15 s" },
];

const element = (id) => document.getElementById(id);
const { transports, version } = document.body.dataset;
const offered = transports.split(" ");
const quiet = chosenSilence() * 1_000;
let found = [];

element("again").addEventListener("click", look);
element("copy").addEventListener("click", copy);
element("silence").addEventListener("click", keepSilent);
element("silence").textContent = silenceLabel();
look();

async function look() {
  found = [];
  element("findings").replaceChildren();
  lay({ verdict: "trying", title: "Looking…" });
  busy(true);
  for (const { name, probe, slow } of PROBES) {
    await find(name, probe, slow);
    if (found[0].isAway) break;
  }
  sumUp();
}

/** For so long the heartbeat is all that passes; both lines at once. `?silence=240` makes it 240 s. */
async function keepSilent() {
  for (const row of element("findings").querySelectorAll("[data-silent]")) row.remove();
  found = found.filter(({ isSilent }) => !isSilent);
  const end = Date.now() + quiet;
  const count = () => {
    element("silence").textContent = `Silence: ${Math.max(0, Math.ceil((end - Date.now()) / 1_000))} s left`;
  };
  const ticking = setInterval(count, 1_000);
  busy(true);
  count();
  await Promise.all(silence(offered, quiet).map(({ name, probe }) => find(name, probe, "holding…")));
  clearInterval(ticking);
  element("silence").textContent = silenceLabel();
  sumUp();
}

/** One row from "trying…" to what was found. */
async function find(name, probe, slow) {
  const row = blankRow(name);
  const late = setTimeout(() => draw(row, { name, verdict: "trying", seen: slow ?? "trying…" }), SLOW);
  const finding = { name, ...(await probe().catch((error) => ({ verdict: "unknown", seen: error.message }))) };
  clearTimeout(late);
  found.push(finding);
  draw(row, finding);
}

function blankRow(name) {
  const row = document.createElement("li");
  row.className = "finding";
  draw(row, { name, verdict: "trying", seen: "trying…" });
  element("findings").append(row);
  return row;
}

function draw(row, { name, verdict, seen, cause, isSilent }) {
  const title = piece("b", "finding-name", name);
  title.append(piece("span", "visually-hidden", ` ${WORDS[verdict]}:`));
  row.dataset.verdict = verdict;
  row.toggleAttribute("data-silent", isSilent === true);
  row.replaceChildren(title, piece("span", "finding-seen", seen));
  if (cause) row.append(piece("span", "finding-cause", cause));
}

function sumUp() {
  lay(verdictOf(found));
  element("mends").replaceChildren(...toMend(found).map(mended));
  element("mend").hidden = element("mends").children.length === 0;
  busy(false);
}

function mended({ name, mend }) {
  const item = document.createElement("li");
  item.append(piece("b", "mend-name", `${name}:`), " ", mend);
  return item;
}

function lay({ verdict, title }) {
  element("verdict").dataset.verdict = verdict;
  element("verdict").textContent = title;
  if (verdict === "trying") element("mend").hidden = true;
}

function piece(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function busy(is) {
  for (const id of ["again", "copy", "silence"]) element(id).disabled = is;
}

/** The clipboard is for pages that came by https; elsewhere the text is there to be copied by hand. */
async function copy() {
  const site = `Parlor ${version}, ${location.origin}`;
  const report = reportOf(found, { site, when: new Date().toISOString(), agent: navigator.userAgent });
  try {
    await navigator.clipboard.writeText(report);
    element("copy").textContent = "Copied";
    setTimeout(() => (element("copy").textContent = "Copy the report"), 2_000);
  } catch {
    element("report").value = report;
    element("report").parentElement.hidden = false;
    element("report").select();
  }
}

function chosenSilence() {
  const chosen = Number(new URLSearchParams(location.search).get("silence")) || LASTING.usual;
  return Math.min(Math.max(chosen, LASTING.least), LASTING.most);
}

function silenceLabel() {
  return quiet === 60_000 ? "Test a minute of silence" : `Test ${quiet / 1_000} s of silence`;
}
