// The diagnostics page: runs the probes one after the other, shows what each found, and sums it up in a sentence.

import { polling, reach, way, webSocket } from "./probes.js";

const element = (id) => document.getElementById(id);
const offered = document.body.dataset.transports.split(" ");
const WORDS = { ok: "works", warn: "works, with a hitch", bad: "does not work", unknown: "not tried" };
let found = [];

element("again").addEventListener("click", look);
element("copy").addEventListener("click", copy);
look();

async function look() {
  found = [];
  element("findings").replaceChildren();
  for (const button of [element("again"), element("copy")]) button.disabled = true;
  tell({ verdict: "unknown", title: "Looking…" });
  show(await reach());
  if (found[0].verdict !== "bad" || found[0].seen.includes("Parlor")) {
    for (const probe of [way, () => polling(offered), () => webSocket(offered)]) {
      show(await probe().catch((error) => ({ name: "?", verdict: "unknown", seen: error.message })));
    }
  }
  tell(summary());
  for (const button of [element("again"), element("copy")]) button.disabled = false;
}

function show(finding) {
  found.push(finding);
  const row = document.createElement("li");
  row.className = "finding";
  row.dataset.verdict = finding.verdict;
  row.append(piece("b", "finding-name", finding.name), piece("span", "finding-seen", finding.seen));
  if (finding.cause) row.append(piece("span", "finding-cause", finding.cause));
  row.querySelector("b").append(piece("span", "visually-hidden", ` ${WORDS[finding.verdict]}:`));
  element("findings").append(row);
}

function piece(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  return made;
}

function tell({ verdict, title, mend = "" }) {
  element("verdict").dataset.verdict = verdict;
  element("verdict").textContent = title;
  element("mend").textContent = mend;
  element("mend").hidden = !mend;
}

/** What it comes to: can one talk, over what, and what is there to mend. */
function summary() {
  const named = Object.fromEntries(found.map((finding) => [finding.name, finding]));
  const works = ["WebSocket", "Polling"].filter((name) => named[name]?.verdict === "ok");
  const broken = found.filter(({ verdict }) => verdict === "bad" || verdict === "warn");
  const mend = broken.map(({ name, cause }) => `${name}: ${cause}`).join(" ");
  if (works.length === 0) return { verdict: "bad", title: "No way to talk works from here.", mend };
  if (broken.length === 0) return { verdict: "ok", title: `All is well: ${works.join(" and ")}.` };
  if (works.length === 1 && named.WebSocket?.verdict === "bad") return { verdict: "warn", title: "You can talk, by polling only.", mend };
  return { verdict: "warn", title: "You can talk, but not all is well.", mend };
}

function report() {
  const lines = found.map(({ name, verdict, seen, cause }) => `[${verdict}] ${name}: ${seen}${cause ? `\n    ${cause}` : ""}`);
  return [
    `Parlor ${document.body.dataset.version}, ${location.origin}, ${new Date().toISOString()}`,
    element("verdict").textContent,
    ...lines,
    navigator.userAgent,
  ].join("\n");
}

/** The clipboard is for pages that came by https; elsewhere the text is there to be copied by hand. */
async function copy() {
  try {
    await navigator.clipboard.writeText(report());
    element("copy").textContent = "Copied";
    setTimeout(() => { element("copy").textContent = "Copy the report"; }, 2_000);
  } catch {
    const box = element("report");
    box.value = report();
    box.parentElement.hidden = false;
    box.select();
  }
}
