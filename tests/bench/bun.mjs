// socket.io on Bun's own HTTP and WebSocket server. Run by bun.
import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

import { converse, ping } from "./room.mjs";

const io = new Server();
const engine = new Engine({ path: "/socket.io/", pingInterval: ping, pingTimeout: ping });
io.bind(engine);
converse(io);
const { websocket, ...rest } = engine.handler();
const idleTimeout = 255; // seconds, the most that Bun takes; it cuts idle polls and, were it not for the next, sockets
const served = Bun.serve({ ...rest, idleTimeout, websocket: { ...websocket, idleTimeout: 960 }, hostname: "127.0.0.1", port: 0 });
console.log(`serves http://127.0.0.1:${served.port} .`);
