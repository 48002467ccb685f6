// The shipped server as a process of its own. PARLOR_PYTHON names the Python that has its packages (default: python3).

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
const PYTHON = process.env.PARLOR_PYTHON ?? "python3";
const STARTS_WITHIN = 20_000;

export class Server {
  /** Starts on a free port with a data folder of its own. flags: as on the command line, {transports: "polling"}. */
  static async start(flags = {}) {
    const server = new Server();
    server.flags = { rate_limit: "off", ...flags };
    server.data = await mkdtemp(join(tmpdir(), "parlor-"));
    server.port = await freePort();
    await server.start();
    return server;
  }

  /** Starts (again), with the same port and data. */
  async start() {
    const flags = { host: "127.0.0.1", port: this.port, data: this.data, ...this.flags };
    const words = Object.entries(flags).flatMap(([name, value]) => [`--${name.replaceAll("_", "-")}`, String(value)]);
    this.process = spawn(PYTHON, ["-m", "app", "serve", ...words], { cwd: PROJECT, env: environment() });
    this.errors = "";
    this.process.stderr.on("data", (data) => (this.errors += data));
    this.url = /http:\/\/\S+/.exec(await this.firstLine())[0];
    this.port = Number(new URL(this.url).port);
  }

  async firstLine() {
    const lines = createInterface({ input: this.process.stdout });
    const failed = once(this.process, "close").then(([code]) => {
      throw new Error(`${PYTHON} -m app ended with ${code}: ${this.errors}`);
    });
    failed.catch(() => {});
    const [line] = await Promise.race([once(lines, "line", { signal: AbortSignal.timeout(STARTS_WITHIN) }), failed]);
    return line;
  }

  /** Ends the process; answers its exit code, or null where a signal ended it. */
  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const ended = once(this.process, "exit");
    this.process.kill(signal);
    const [code] = await ended;
    return code;
  }

  async remove() {
    await this.end("SIGTERM");
    await rm(this.data, { recursive: true, force: true });
  }
}

/**
 * One that stays free while its server is dead: below those that the kernel gives to outgoing connections, and above those
 * of the Python tests (tests/support/process.py).
 */
async function freePort() {
  for (;;) {
    const port = 30_000 + Math.floor(Math.random() * 2_000);
    const probe = createServer().listen(port, "127.0.0.1");
    const isFree = await once(probe, "listening").then(() => true, () => false);
    if (isFree) {
      await new Promise((closed) => probe.close(closed));
      return port;
    }
  }
}

/** Ours is not the server's to read: it refuses names it does not know. */
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PARLOR_")));
}
