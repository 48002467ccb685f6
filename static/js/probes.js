// The tries that the diagnostics page makes, each with an end: a finding is {name, verdict, seen, cause}. Verdicts are ok,
// warn, bad, and unknown for what nobody can tell. Engine.IO is spoken by hand, to see each step.

const PATIENCE = 5_000;
const ROUNDS = 5;

const clock = () => performance.now();
const ms = (value) => `${Math.round(value)} ms`;

/** The server is there, and is one process: several would each know only half of the people. */
export async function reach() {
  const name = "Server";
  const began = clock();
  const answers = [];
  try {
    for (let nth = 0; nth < 4; nth += 1) answers.push(await (await ask("/healthz")).json());
  } catch (error) {
    const cause = "Neither the network nor a proxy on the way lets a request through, or the server is down.";
    return { name, verdict: "bad", seen: `no answer: ${error.message}`, cause };
  }
  const seen = `Parlor ${answers[0].version}, ${ms((clock() - began) / answers.length)} a request`;
  if (new Set(answers.map(({ boot }) => boot)).size === 1) return { name, verdict: "ok", seen };
  const cause = "Several processes answer in turn. Parlor is one process: run one, or send each visitor to the same one.";
  return { name, verdict: "bad", seen: `${seen}, from more than one process`, cause };
}

/** What stands between us, as far as it shows itself. */
export async function way() {
  const name = "Way";
  const said = await (await ask("/diagnostics/seen")).json();
  const proxies = Object.entries(said.proxies).map(([header, value]) => `${header}: ${value}`);
  const seen = [`asked as ${said.scheme}://${said.host}`, ...(proxies.length ? proxies : ["no proxy shows itself"])].join(" · ");
  if (`${said.scheme}:` === location.protocol && said.host === location.host) return { name, verdict: "ok", seen };
  const cause = `You see ${location.origin}. ${said.trusted ? "The proxy does not pass on" : "The server does not believe"} how you came: ${
    said.trusted ? "it has to set X-Forwarded-Proto and X-Forwarded-Host." : "PARLOR_TRUST_PROXIES says how many proxies stand in front."
  }`;
  return { name, verdict: "warn", seen, cause };
}

/** A whole session over polling: open, join, words there and back, close. */
export async function polling(offered) {
  const name = "Polling";
  if (!offered.includes("polling")) return { name, verdict: "unknown", seen: "switched off by the operator" };
  try {
    const began = clock();
    const opening = await ask(address("polling"));
    const text = await opening.text();
    if (!text.startsWith("0{")) return { name, verdict: "bad", seen: `the handshake is answered ${opening.status}: ${short(text)}`, cause: "Something on the way answers in the server's place." };
    const { sid } = JSON.parse(text.slice(1));
    const opened = clock() - began;
    const send = (packet) => ask(address("polling", sid), { method: "POST", body: packet }).then((answer) => expect(answer));
    await send("40");
    const times = await rounds(send, async () => (await expect(await ask(address("polling", sid)))).split("\u001e"));
    await send("1").catch(() => null);
    return { name, verdict: "ok", seen: `open in ${ms(opened)}, there and back in ${ms(median(times))}`, latency: median(times) };
  } catch (error) {
    const cause = "Sessions do not hold: requests reach different servers, are answered from a cache, or are cut.";
    return { name, verdict: "bad", seen: `broke off: ${error.message}`, cause };
  }
}

/** A whole session over a WebSocket, frame by frame: some proxies answer 101 and then drop what follows. */
export async function webSocket(offered) {
  const name = "WebSocket";
  if (!offered.includes("websocket")) return { name, verdict: "unknown", seen: "switched off by the operator" };
  const began = clock();
  const line = new Line(address("websocket").replace(/^http/, "ws"));
  try {
    await line.open;
    const opened = clock() - began;
    await line.next((packet) => packet.startsWith("0{"));
    line.say("40");
    const times = await rounds((packet) => line.say(packet), async () => [await line.next()]);
    return { name, verdict: "ok", seen: `open in ${ms(opened)}, there and back in ${ms(median(times))}`, latency: median(times) };
  } catch {
    return { name, verdict: "bad", ...(await whyNot(line)) };
  } finally {
    line.close();
  }
}

/** A browser is not told why a handshake failed: a second one, with a name, is looked up at the server. */
async function whyNot(line) {
  if (line.wasOpen && line.heard) return { seen: "breaks off after the first frame", cause: "Something on the way cuts it." };
  if (line.wasOpen && !line.closed) return { seen: "opens, then no frame passes", cause: "A proxy answers the handshake and drops the frames." };
  if (line.wasOpen) return { seen: "opens and is closed at once", cause: "A proxy answers the handshake and then closes." };
  const hung = !line.closed;
  const named = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const again = new Line(`${origin()}/ws/echo?try=${named}`.replace(/^http/, "ws"));
  await again.open.catch(() => null);
  again.close();
  const arrived = await ask(`/diagnostics/seen?try=${named}`).then((answer) => answer.json()).then((said) => said.try).catch(() => null);
  if (again.wasOpen) return { seen: "is refused", cause: "The server takes no more WebSockets, or not from this page: its log says which." };
  if (!arrived) {
    const seen = hung ? "the handshake is never answered" : "the handshake is refused before it reaches the server";
    return { seen, cause: "A proxy, firewall or filter on the way does not let WebSockets through." };
  }
  const missing = ["Upgrade", "Connection"].filter((header) => !/upgrade|websocket/i.test(arrived.headers[header] ?? ""));
  if (missing.length === 0) return { seen: "the handshake arrives, its answer does not", cause: "A proxy on the way swallows the 101, or the server is full." };
  return { seen: `the handshake arrives without ${missing.join(" and ")}`, cause: "A proxy in front of the server strips it: it needs to be told to pass upgrades on (docs/hosts.md)." };
}

/** CONNECT, then words there and back; the times in milliseconds. */
async function rounds(send, fetchSome) {
  const waiting = [];
  const until = async (start) => {
    for (;;) {
      while (waiting.length > 0) {
        const packet = waiting.shift();
        if (packet === "2") await send("3");
        if (packet.startsWith("44")) throw new Error(packet.slice(2));
        if (packet.startsWith(start)) return;
      }
      waiting.push(...(await fetchSome()));
    }
  };
  await until("40");
  const times = [];
  for (let nth = 1; nth <= ROUNDS; nth += 1) {
    const began = clock();
    const sent = send(`42${nth}["echo",{}]`);
    await Promise.all([sent, until(`43${nth}`)]);
    times.push(clock() - began);
  }
  return times;
}

/** A WebSocket whose every step is awaited with an end. */
class Line {
  constructor(url) {
    this.packets = [];
    this.wasOpen = this.heard = this.closed = false;
    this.socket = new WebSocket(url);
    this.open = within(new Promise((opened, failed) => {
      this.socket.onopen = () => { this.wasOpen = true; opened(); };
      this.socket.onclose = () => { this.closed = true; failed(new Error("closed")); this.stir?.(); };
    }));
    this.open.catch(() => null);
    this.socket.onmessage = ({ data }) => { this.heard = true; this.packets.push(data); this.stir?.(); };
  }

  say(packet) {
    this.socket.send(packet);
  }

  async next(such = () => true) {
    const until = clock() + PATIENCE;
    for (;;) {
      const packet = this.packets.shift();
      if (packet !== undefined && such(packet)) return packet;
      if (packet !== undefined) continue;
      if (this.closed || clock() > until) throw new Error("no frame came");
      await within(new Promise((stir) => { this.stir = stir; }), until - clock()).catch(() => null);
    }
  }

  close() {
    this.socket.close();
  }
}

function within(promise, time = PATIENCE) {
  return Promise.race([promise, new Promise((_, late) => { setTimeout(() => late(new Error(`nothing within ${ms(time)}`)), time); })]);
}

function ask(path, options = {}) {
  return fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...options });
}

async function expect(answer) {
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status} ${short(text)}`);
  return text;
}

function address(transport, sid = "") {
  return `${origin()}/socket.io/?EIO=4&transport=${transport}${sid && `&sid=${sid}`}&t=${Math.random().toString(36).slice(2)}`;
}

const origin = () => location.origin;
const short = (text) => text.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim().slice(0, 120);
const median = (times) => [...times].sort((one, other) => one - other)[Math.floor(times.length / 2)];
