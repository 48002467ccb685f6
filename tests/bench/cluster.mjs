// socket.io as its documentation has it for several processes: a cluster on one port, sticky sessions, its Redis adapter.
// Arguments: milliseconds between heartbeats, processes, the address of Redis.
import cluster from "node:cluster";
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import { setupMaster, setupWorker } from "@socket.io/sticky";
import Redis from "ioredis";
import { Server } from "socket.io";

import { converse, ping } from "./room.mjs";

const [processes, address] = [Number(process.argv[3]), process.argv[4]];

function serve() {
  const http = createServer();
  http.keepAliveTimeout = 300_000;
  setupMaster(http, { loadBalancingMethod: "least-connection" });
  let waiting = processes;
  cluster.on("message", (_worker, message) => {
    if (message !== "ready") return;
    waiting -= 1;
    if (waiting === 0) http.listen(0, "127.0.0.1", 4096, () => console.log(`serves http://127.0.0.1:${http.address().port} .`));
  });
  for (let count = 0; count < processes; count += 1) cluster.fork();
}

async function work() {
  const publisher = new Redis(address);
  const subscriber = publisher.duplicate();
  await Promise.all([publisher, subscriber].map((one) => one.status === "ready" || new Promise((ready) => one.once("ready", ready))));
  const io = new Server(createServer(), { perMessageDeflate: false, pingInterval: ping, pingTimeout: ping });
  io.adapter(createAdapter(publisher, subscriber));
  setupWorker(io);
  converse(io);
  process.send("ready");
}

if (cluster.isPrimary) serve();
else await work();
