// The original: socket.io on Node, with the same room, the same message and the same answer as Parlor; nothing is stored.
import { createServer } from "node:http";

import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: false, pingInterval: 300_000 });
let seq = 0;

io.on("connection", (socket) => {
  socket.on("join", ({ room }, ack) => {
    socket.join(room);
    ack({ ok: true });
  });
  socket.on("send", ({ room, text, id }, ack) => {
    seq += 1;
    const at = new Date().toISOString();
    const message = { seq, rev: seq, id, author: "0123456789abcdef0123456789abcdef", nickname: "guest-abcdef", kind: "said", text, at };
    io.to(room).emit("message", { room, message });
    ack({ ok: true, message });
  });
});
http.listen(0, "127.0.0.1", 4096, () => console.log(`serves http://127.0.0.1:${http.address().port} .`));
