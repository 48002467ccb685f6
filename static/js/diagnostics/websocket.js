// A whole session over a WebSocket, frame by frame: some proxies answer 101 and then drop what follows.

import { sitePath } from "../base.js";
import { address, ask, clock, median, ms, nonce, roundTrips } from "./engineio.js";
import { WebSocketClient } from "./websocket-client.js";
import { listed, t } from "../language.js";

const PASS = t("Let it pass WebSockets on to the server: docs/hosts.md has the lines for common proxies.");
const ELSEWHERE = t("Try from another network: if it works there, the filter is in this one, else it is in front of the server.");

export async function webSocket(offered) {
  if (!offered.includes("websocket")) return { verdict: "unknown", seen: t("switched off by the operator") };
  const began = clock();
  const socket = new WebSocketClient(address("websocket"));
  try {
    await socket.open;
    const opened = clock() - began;
    await connectNamespace(socket);
    const times = await roundTrips((packet) => socket.send(packet), async () => [await socket.next()]);
    return { verdict: "ok", seen: t("opens in {opened}, there and back in {time}", { opened: ms(opened), time: ms(median(times)) }) };
  } catch {
    const seen = { ...socket };
    socket.close(); // a browser opens one WebSocket at a time to a host: the next one would wait for this one
    return { verdict: "bad", ...(seen.wasOpen ? whySilent(seen) : await whyNotOpen(seen)) };
  } finally {
    socket.close();
  }
}

/** Waits for Engine.IO's handshake, sends CONNECT, and gives the handshake. */
export async function connectNamespace(socket) {
  const packet = await socket.next();
  if (!packet.startsWith("0{")) throw new Error(t("not Engine.IO"));
  socket.send("40");
  return JSON.parse(packet.slice(1));
}

function whySilent({ received, closed }) {
  if (received) return { seen: t("breaks off after the first frames"), cause: t("Something on the way cuts it."), mend: ELSEWHERE };
  if (closed) return { seen: t("opens and is closed at once"), cause: t("A proxy answers, then closes."), mend: PASS };
  return { seen: t("opens, then no frame passes"), cause: t("A proxy answers the handshake and drops what follows."), mend: PASS };
}

/** A browser does not learn why a handshake failed. Another one is sent with a name, and the server asked what arrived of it. */
async function whyNotOpen({ closed }) {
  const name = nonce(8);
  const again = new WebSocketClient(`${location.origin}${sitePath("/ws/echo")}?try=${name}`);
  await again.open.catch(() => null);
  again.close();
  const { try: arrived } = await ask(sitePath(`/diagnostics/seen?try=${name}`)).then((answer) => answer.json()).catch(() => ({}));
  if (again.wasOpen) return refused();
  return arrived ? arrivedAs(arrived) : stopped(closed);
}

function stopped(closed) {
  return {
    seen: closed ? t("the handshake is refused before it reaches the server") : t("the handshake is never answered, nor does it arrive"),
    cause: t("A proxy, firewall or filter on the way does not let WebSockets through."),
    mend: `${PASS} ${ELSEWHERE}`,
  };
}

/** The plain WebSocket works, the one of the chat does not. */
function refused() {
  return {
    seen: t("the server refuses the chat's handshake, another one works"),
    cause: t("The server does not know this address for its own, or something treats /socket.io/ in its own way."),
    mend: t("Set PARLOR_TRUST_PROXIES to the number of proxies in front, or list the address in PARLOR_ORIGINS."),
  };
}

function arrivedAs({ headers, full }) {
  const missing = ["Upgrade", "Connection"].filter((name) => !/upgrade|websocket/i.test(headers[name] ?? ""));
  if (missing.length > 0) {
    return {
      seen: t("the handshake arrives without {headers}", { headers: listed(missing) }),
      cause: t("A proxy in front of the server takes away what asks for the upgrade."),
      mend: PASS,
    };
  }
  if (full) {
    return {
      seen: t("the handshake arrives, and there is no room"),
      cause: t("As many WebSockets are open as the operator allows; who comes now talks by polling."),
      mend: t("Raise PARLOR_MAX_WEBSOCKETS, if the host's plan lets more through."),
    };
  }
  return {
    seen: t("the handshake arrives whole, its answer does not come back"),
    cause: t("A proxy on the way swallows the answer, or the host's plan allows no more WebSockets."),
    mend: t("Look at what the proxy does with a 101, and at the host's plan."),
  };
}
