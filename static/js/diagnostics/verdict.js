// The summary of the findings. Pure. A finding: {name, verdict: "ok" | "warn" | "bad" | "unknown", seen, cause?, mend?}.

import { listed, sequence, t, tn } from "../language.js";

const TRANSPORTS = ["WebSocket", "Polling", "Server-sent events"];
const IN_SENTENCES = { WebSocket: "WebSocket", Polling: t("polling"), "Server-sent events": t("server-sent events") };
const NAMES = {
  Server: t("Server"),
  Way: t("Way"),
  Browser: t("Browser"),
  Polling: t("Polling"),
  "Server-sent events": t("Server-sent events"),
  "Silent WebSocket": t("Silent WebSocket"),
  "Silent polling": t("Silent polling"),
};

/** Of a finding, as the page shows it. */
export function nameOf(name) {
  return NAMES[name] ?? name;
}

/** {verdict, title}: can people talk from here, and over which transport? */
export function verdictOf(findings) {
  const named = Object.fromEntries(findings.map((finding) => [finding.name, finding]));
  const tried = TRANSPORTS.filter((name) => ["ok", "bad"].includes(named[name]?.verdict));
  const works = tried.filter((name) => named[name].verdict === "ok");
  if (named.Server?.isAway) return { verdict: "bad", title: t("The server cannot be reached from here.") };
  if (works.length === 0) return { verdict: "bad", title: t("No way to talk works from here.") };
  if (named.Server?.areMany) return { verdict: "bad", title: t("Several servers answer in turn: people miss each other.") };
  if (works.length < tried.length) return { verdict: "warn", title: t("You can talk, by {transports} only.", { transports: listed(works.map(inSentence)) }) };
  if (findings.some(({ name, verdict }) => name.startsWith("Silent") && verdict === "bad")) {
    return { verdict: "warn", title: t("You can talk, but lines are cut when nobody does.") };
  }
  if (toMend(findings).length > 0) return { verdict: "warn", title: t("You can talk, but not all is well.") };
  const [only] = works;
  const count = only === "Server-sent events" ? 2 : works.length;
  return { verdict: "ok", title: tn("All is well: {transports} works.", "All is well: {transports} work.", count, { transports: listed(works.map(inSentence)) }) };
}

/** What to do, [{name, mend}]: each remedy once, even if several findings name it. */
export function toMend(findings) {
  const mends = new Map();
  for (const { name, mend } of findings) if (mend) mends.set(mend, [...(mends.get(mend) ?? []), name]);
  return [...mends].map(([mend, names]) => ({ name: sequence(names.map(nameOf)), mend }));
}

/** All of it as text, for the person who runs the server. */
export function reportOf(findings, { site, when, agent }) {
  const lines = findings.flatMap(({ name, verdict, seen, cause, mend }) => [
    `[${verdict}] ${nameOf(name)}: ${seen}`,
    ...(cause ? [`    ${t("cause: {text}", { text: cause })}`] : []),
    ...(mend ? [`    ${t("mend: {text}", { text: mend })}`] : []),
  ]);
  return [`${site}, ${when}`, verdictOf(findings).title, "", ...lines, "", agent].join("\n");
}

function inSentence(transport) {
  return IN_SENTENCES[transport];
}
