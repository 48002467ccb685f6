// The summary of the findings. Pure. A finding: {name, verdict: "ok" | "warn" | "bad" | "unknown", seen, cause?, mend?}.

const TRANSPORTS = ["WebSocket", "Polling", "Server-sent events"];

/** {verdict, title}: can people talk from here, and over which transport? */
export function verdictOf(findings) {
  const named = Object.fromEntries(findings.map((finding) => [finding.name, finding]));
  const tried = TRANSPORTS.filter((name) => ["ok", "bad"].includes(named[name]?.verdict));
  const works = tried.filter((name) => named[name].verdict === "ok");
  if (named.Server?.isAway) return { verdict: "bad", title: "The server cannot be reached from here." };
  if (works.length === 0) return { verdict: "bad", title: "No way to talk works from here." };
  if (named.Server?.areMany) return { verdict: "bad", title: "Several servers answer in turn: people miss each other." };
  if (works.length < tried.length) return { verdict: "warn", title: `You can talk, by ${listed(works.map(inSentence))} only.` };
  if (findings.some(({ name, verdict }) => name.startsWith("Silent") && verdict === "bad")) {
    return { verdict: "warn", title: "You can talk, but lines are cut when nobody does." };
  }
  if (toMend(findings).length > 0) return { verdict: "warn", title: "You can talk, but not all is well." };
  return { verdict: "ok", title: `All is well: ${listed(works.map(inSentence))} ${works.length > 1 || works[0].endsWith("s") ? "work" : "works"}.` };
}

/** What to do, [{name, mend}]: each remedy once, even if several findings name it. */
export function toMend(findings) {
  const mends = new Map();
  for (const { name, mend } of findings) if (mend) mends.set(mend, [...(mends.get(mend) ?? []), name]);
  return [...mends].map(([mend, names]) => ({ name: names.join(", "), mend }));
}

/** All of it as text, for the person who runs the server. */
export function reportOf(findings, { site, when, agent }) {
  const lines = findings.flatMap(({ name, verdict, seen, cause, mend }) => [
    `[${verdict}] ${name}: ${seen}`,
    ...(cause ? [`    cause: ${cause}`] : []),
    ...(mend ? [`    mend: ${mend}`] : []),
  ]);
  return [`${site}, ${when}`, verdictOf(findings).title, "", ...lines, "", agent].join("\n");
}

function inSentence(transport) {
  return transport === "WebSocket" ? transport : transport.toLowerCase();
}

function listed(names) {
  return [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");
}
