// Is the server reachable, is it one process, and which proxies are in front of it?

import { sitePath } from "../base.js";
import { ask, clock, ms, short } from "./engineio.js";
import { t, tn } from "../language.js";

const TRUST = t("Tell the server how many proxies stand in front of it: PARLOR_TRUST_PROXIES.");
const PASS_ON = t("The proxy has to pass on how people came: X-Forwarded-Proto and X-Forwarded-Host.");
const PARALLEL_REQUESTS = 6; // as many connections as a browser opens, so that they may reach different processes

/** Does the server answer, and is it one process, or several of one Parlor? Others would know only some of the people. */
export async function server() {
  try {
    const began = clock();
    const first = await askHealth();
    const took = clock() - began;
    if (!first.boot) return stranger(first);
    const others = await Promise.all(Array.from({ length: PARALLEL_REQUESTS }, askHealth));
    return counted([first, ...others], { version: first.version, time: ms(took) });
  } catch (error) {
    return {
      verdict: "bad",
      seen: error.message,
      isAway: true,
      cause: t("The server is down, or nothing on the way lets a request through."),
      mend: t("See whether the process runs (its log, /healthz), then what the proxy in front of it says."),
    };
  }
}

async function askHealth() {
  const answer = await ask(sitePath("/healthz"));
  const text = await answer.text();
  try {
    const { version, boot, history, others } = JSON.parse(text);
    return { version, boot, history, others };
  } catch {
    return { said: `${answer.status}: ${short(text)}` };
  }
}

function stranger({ said }) {
  return {
    verdict: "bad",
    seen: t("answers, but not as Parlor: {said}", { said }),
    isAway: true,
    cause: t("Something on the way answers in the server's place: a host's error page, a login page, a filter."),
    mend: t("Let /healthz, /socket.io/ and /ws/echo through to the server as they are."),
  };
}

/** told: {version, time} of the first answer. */
function counted(healths, told) {
  const { size } = new Set(healths.map(({ boot }) => boot));
  if (size === 1) return { verdict: "ok", seen: t("Parlor {version} answers in {time}", told) };
  const histories = new Set(healths.map(({ history }) => history));
  if (histories.size > 1 || healths.some(({ others }) => !others)) return strangers(told);
  const seen = tn("Parlor {version} answers in {time}, from {n} process of one Parlor", "Parlor {version} answers in {time}, from {n} processes of one Parlor", size, told);
  if (healths.every(({ others }) => others === "redis")) return { verdict: "ok", seen };
  return {
    verdict: "warn",
    seen,
    cause: t("The processes do not reach each other by Redis: news comes up to 2 s late, and polling may break off again and again."),
    mend: t("Set REDIS_URL, the same for all processes, and see what /readyz says of it; or run one process."),
  };
}

function strangers(told) {
  return {
    verdict: "bad",
    areMany: true,
    seen: t("Parlor {version} answers in {time}, from more than one process", told),
    cause: t("Several processes stand behind this address. Each knows only the people who came to it."),
    mend: t("Run one replica with one worker, or give all one database and one Redis (REDIS_URL); end the old one after a deploy."),
  };
}

/** The proxies on the route, as far as they show themselves. */
export async function route() {
  const said = await (await ask(sitePath("/diagnostics/seen"))).json();
  const seen = [t("asked as {address}", { address: `${said.scheme}://${said.host}` }), ...proxies(said)].join(" · ");
  if (`${said.scheme}:` === location.protocol && said.host === location.host) return { verdict: "ok", seen };
  return { verdict: "warn", seen, cause: t("In your address bar it is {address}.", { address: location.origin }), mend: said.trusted ? PASS_ON : TRUST };
}

function proxies({ proxies: named, version }) {
  const lines = Object.entries(named).map(([header, value]) => `${header}: ${value}`);
  if (lines.length > 0) return lines;
  const protocol = protocolTo("/diagnostics/seen");
  if (/^h[23]/.test(protocol)) return [t("{protocol} here, HTTP/{version} at the server: a proxy that does not name itself", { protocol, version })];
  return [t("no proxy shows itself")];
}

/** "h2", "http/1.1", ... of the last request to a path: the browser's protocol; a proxy may use another to the server. */
function protocolTo(path) {
  const requests = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(path));
  return requests[requests.length - 1]?.nextHopProtocol ?? "";
}
