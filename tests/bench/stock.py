"""python-socketio on aiohttp as they come, with the same room, message and answer; nothing is stored.

The one argument: seconds between heartbeats, and to wait for the answer to one."""

import asyncio
import itertools
import sys
from datetime import UTC, datetime

import socketio
from aiohttp import web

PING = int(sys.argv[1])
server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=PING, ping_timeout=PING)
numbers = itertools.count(1)


@server.on("join")
async def join(sid, payload):
    await server.enter_room(sid, payload["room"])
    return {"ok": True}


@server.on("send")
async def send(sid, payload):
    seq = next(numbers)
    message = {
        "seq": seq,
        "rev": seq,
        "id": payload["id"],
        "author": "0123456789abcdef0123456789abcdef",
        "nickname": "guest-abcdef",
        "text": payload["text"],
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "kind": "said",
    }
    await server.emit("message", {"room": payload["room"], "message": message}, room=payload["room"])
    return {"ok": True, "message": message}


async def main():
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print(f"serves http://127.0.0.1:{runner.addresses[0][1]} .", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
