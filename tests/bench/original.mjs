// The original: socket.io on Node with ws, its defaults but for what would only cost it time.
import { createServer } from "node:http";

import { Server } from "socket.io";

import { converse, ping } from "./room.mjs";

const http = createServer();
converse(new Server(http, { serveClient: false, perMessageDeflate: false, pingInterval: ping, pingTimeout: ping }));
http.keepAliveTimeout = 300_000; // pollers that are silent for a while need not connect anew
http.listen(0, "127.0.0.1", 4096, () => console.log(`serves http://127.0.0.1:${http.address().port} .`));
