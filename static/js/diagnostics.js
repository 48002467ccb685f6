// The diagnostics page: runs the probes one after the other, shows the finding of each, and sums them up in a sentence.

import "./older-browsers.js";

import { events } from "./diagnostics/events.js";
import { polling } from "./diagnostics/polling.js";
import { route, server } from "./diagnostics/server.js";
import { silence } from "./diagnostics/silence.js";
import { siteData } from "./diagnostics/site-data.js";
import { nameOf, reportOf, toMend, verdictOf } from "./diagnostics/verdict.js";
import { webSocket } from "./diagnostics/websocket.js";
import { t } from "./language.js";

const SLOW_AFTER_MS = 2_500;
const SILENCE_S = { min: 1, default: 60, max: 600 };
const VERDICTS = {
  ok: t("works"),
  warn: t("works, with a hitch"),
  bad: t("does not work"),
  unknown: t("not known"),
  trying: t("is being tried"),
};
const { transports, version } = document.body.dataset;
const offered = transports.split(" ");
const PROBES = [
  { name: "Server", probe: server },
  { name: "Way", probe: route },
  { name: "Browser", probe: siteData },
  { name: "Polling", probe: () => polling(offered), slow: t("no answer yet; given up after 15 s at most") },
  { name: "WebSocket", probe: () => webSocket(offered), slow: t("no answer yet; one that hangs takes up to 15 s") },
  ...(offered.includes("sse") ? [{ name: "Server-sent events", probe: events, slow: t("no answer yet; given up after 15 s at most") }] : []),
];

const element = (id) => document.getElementById(id);
const silenceMs = chosenSilence() * 1_000;
let found = [];

element("again").addEventListener("click", run);
element("copy").addEventListener("click", copy);
element("silence").addEventListener("click", runSilence);
element("silence").textContent = silenceLabel();
run();

async function run() {
  found = [];
  element("findings").replaceChildren();
  showVerdict({ verdict: "trying", title: t("Looking…") });
  setBusy(true);
  for (const { name, probe, slow } of PROBES) {
    await runProbe(name, probe, slow);
    if (found[0].isAway) break;
  }
  sumUp();
}

/** Both transports at once, with nothing but the heartbeat for so long. `?silence=240` makes it 240 s. */
async function runSilence() {
  for (const row of element("findings").querySelectorAll("[data-silent]")) row.remove();
  found = found.filter(({ isSilent }) => !isSilent);
  const end = Date.now() + silenceMs;
  const count = () => {
    element("silence").textContent = t("Silence: {n} s left", { n: Math.max(0, Math.ceil((end - Date.now()) / 1_000)) });
  };
  const ticking = setInterval(count, 1_000);
  setBusy(true);
  count();
  await Promise.all(silence(offered, silenceMs).map(({ name, probe }) => runProbe(name, probe, t("holding…"))));
  clearInterval(ticking);
  element("silence").textContent = silenceLabel();
  sumUp();
}

/** One row, from "trying…" to the finding. */
async function runProbe(name, probe, slow) {
  const row = blankRow(name);
  const late = setTimeout(() => draw(row, { name, verdict: "trying", seen: slow ?? t("trying…") }), SLOW_AFTER_MS);
  const finding = { name, ...(await probe().catch((error) => ({ verdict: "unknown", seen: error.message }))) };
  clearTimeout(late);
  found.push(finding);
  draw(row, finding);
}

function blankRow(name) {
  const row = document.createElement("li");
  row.className = "finding";
  draw(row, { name, verdict: "trying", seen: t("trying…") });
  element("findings").append(row);
  return row;
}

function draw(row, { name, verdict, seen, cause, isSilent }) {
  const title = newElement("b", "finding-name", nameOf(name));
  title.append(newElement("span", "visually-hidden", ` ${VERDICTS[verdict]}:`));
  row.dataset.verdict = verdict;
  row.toggleAttribute("data-silent", isSilent === true);
  row.replaceChildren(title, newElement("span", "finding-seen", seen));
  if (cause) row.append(newElement("span", "finding-cause", cause));
}

function sumUp() {
  showVerdict(verdictOf(found));
  element("mends").replaceChildren(...toMend(found).map(remedyItem));
  element("mend").hidden = element("mends").children.length === 0;
  setBusy(false);
}

function remedyItem({ name, mend }) {
  const item = document.createElement("li");
  item.append(newElement("b", "mend-name", t("{name}:", { name })), " ", mend);
  return item;
}

function showVerdict({ verdict, title }) {
  element("verdict").dataset.verdict = verdict;
  element("verdict").textContent = title;
  if (verdict === "trying") element("mend").hidden = true;
}

function newElement(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function setBusy(is) {
  for (const id of ["again", "copy", "silence"]) element(id).disabled = is;
}

/** The clipboard is for https pages only; elsewhere the text is shown, to be copied by hand. */
async function copy() {
  const site = `Parlor ${version}, ${location.origin}`;
  const report = reportOf(found, { site, when: new Date().toISOString(), agent: navigator.userAgent });
  try {
    await navigator.clipboard.writeText(report);
    element("copy").textContent = t("Copied");
    setTimeout(() => (element("copy").textContent = t("Copy the report")), 2_000);
  } catch {
    element("report").value = report;
    element("report").parentElement.hidden = false;
    element("report").select();
  }
}

function chosenSilence() {
  const chosen = Number(new URLSearchParams(location.search).get("silence")) || SILENCE_S.default;
  return Math.min(Math.max(chosen, SILENCE_S.min), SILENCE_S.max);
}

function silenceLabel() {
  return silenceMs === 60_000 ? t("Test a minute of silence") : t("Test {n} s of silence", { n: silenceMs / 1_000 });
}
