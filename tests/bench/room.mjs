// The same room, message and answer as Parlor's, for socket.io on whatever engine; nothing is stored.
export const ping = Number(process.argv[2] ?? 300_000); // milliseconds between heartbeats

export function converse(io) {
  let seq = 0;
  io.on("connection", (socket) => {
    socket.on("join", ({ room }, ack) => {
      socket.join(room);
      ack({ ok: true });
    });
    socket.on("send", ({ room, text, id }, ack) => {
      seq += 1;
      const at = new Date().toISOString();
      const message = { seq, rev: seq, id, author: "0123456789abcdef0123456789abcdef", nickname: "guest-abcdef", text, at, kind: "said" };
      io.to(room).emit("message", { room, message });
      ack({ ok: true, message });
    });
  });
}
