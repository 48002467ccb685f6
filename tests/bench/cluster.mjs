// socket.io as several processes: Node's cluster on one port, and socket.io's Redis adapter. The load comes by WebSocket, so
// that no session has to be sticky. Arguments: milliseconds between heartbeats, processes, the address of Redis.
import cluster from "node:cluster";
import { createServer } from "node:http";

import { createAdapter } from "@socket.io/redis-adapter";
import Redis from "ioredis";
import { Server } from "socket.io";

import { converse, ping } from "./room.mjs";

const [processes, address] = [Number(process.argv[3]), process.argv[4]];

function lead() {
  let waiting = processes;
  cluster.on("listening", (_worker, { port }) => {
    waiting -= 1;
    if (waiting === 0) console.log(`serves http://127.0.0.1:${port} .`);
  });
  for (let count = 0; count < processes; count += 1) cluster.fork();
}

async function work() {
  const publisher = new Redis(address);
  const subscriber = publisher.duplicate();
  const isReady = (one) => one.status === "ready" || new Promise((ready) => one.once("ready", ready));
  await Promise.all([publisher, subscriber].map(isReady));
  const http = createServer();
  const io = new Server(http, { serveClient: false, perMessageDeflate: false, pingInterval: ping, pingTimeout: ping });
  io.adapter(createAdapter(publisher, subscriber));
  converse(io);
  http.listen(0, "127.0.0.1", 4096);
}

if (cluster.isPrimary) lead();
else await work();
