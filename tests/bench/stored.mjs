// What anybody would write on Node to promise what Parlor promises: a message is on the disk before it is told and acked,
// the same (author, id) is stored once, and a newcomer is stored under a name that nobody else bears.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import Database from "better-sqlite3";
import { Server } from "socket.io";

import { converse, ping } from "./room.mjs";

class Store {
  constructor(folder) {
    mkdirSync(folder, { recursive: true });
    const db = new Database(join(folder, "peer.db"));
    db.pragma("journal_mode = WAL");
    db.pragma("synchronous = FULL");
    db.exec(`
      CREATE TABLE people (id TEXT PRIMARY KEY, nickname TEXT NOT NULL UNIQUE);
      CREATE TABLE messages (
        seq INTEGER PRIMARY KEY, room TEXT NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL REFERENCES people (id),
        nickname TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (author, id)
      );
      CREATE INDEX messages_of_room ON messages (room, seq);
    `);
    this.newcomer = db.prepare("INSERT INTO people VALUES (?, ?)");
    this.message = db.prepare("INSERT INTO messages (room, id, author, nickname, text, at) VALUES (?, ?, ?, ?, ?, ?)");
  }

  arrive() {
    const id = randomBytes(16).toString("hex");
    const me = { id, nickname: `guest-${id.slice(0, 12)}` };
    this.newcomer.run(me.id, me.nickname);
    return me;
  }

  insert(room, id, me, text, at) {
    return Number(this.message.run(room, id, me.id, me.nickname, text, at).lastInsertRowid);
  }
}

const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: false, pingInterval: ping, pingTimeout: ping });
converse(io, new Store(process.argv[3]));
http.keepAliveTimeout = 300_000; // pollers that are silent for a while need not connect anew
http.listen(0, "127.0.0.1", 4096, () => console.log(`serves http://127.0.0.1:${http.address().port} .`));
