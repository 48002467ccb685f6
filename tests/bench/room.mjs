// The same room, message and answer as Parlor's, for socket.io on whatever engine.
export const ping = Number(process.argv[2] ?? 300_000); // milliseconds between heartbeats

// Stores nothing: everybody bears the same name.
export class NoStore {
  #seq = 0;

  arrive() {
    return { id: "0123456789abcdef0123456789abcdef", nickname: "guest-abcdef" };
  }

  insert() {
    this.#seq += 1;
    return this.#seq;
  }
}

export function converse(io, store = new NoStore()) {
  io.on("connection", (socket) => {
    const me = store.arrive();
    socket.on("join", ({ room }, ack) => {
      socket.join(room);
      ack({ ok: true });
    });
    socket.on("send", ({ room, text, id }, ack) => {
      const at = new Date().toISOString();
      const seq = store.insert(room, id, me, text, at);
      const message = { seq, rev: seq, id, author: me.id, nickname: me.nickname, text, at, kind: "said" };
      io.to(room).emit("message", { room, message });
      ack({ ok: true, message });
    });
  });
}
