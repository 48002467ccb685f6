"""The server under fire, in a process of its own: `python -m tests.fuzz.served mounted|chat [asyncio|uvloop [calm]]`.

It prints its url; for each line on stdin it prints, as JSON, what went wrong since, and for `all` what it keeps. At
SIGUSR1 it says on stderr where each of its threads and tasks is.
"""

import asyncio
import contextlib
import ctypes
import faulthandler
import gc
import json
import logging
import os
import signal
import sys
import tempfile
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from aiohttp import web
from socketio.exceptions import ConnectionRefusedError

from app.config import Settings
from app.ending import doing
from app.engineio import server as engine_server
from app.engineio import session
from app.routes import ROOM_EVENTS, ROOM_SOCKETS
from app.server import Running, start, uvloop
from app.socketio import Server, attach, create_server, listen
from app.socketio import server as socketio_server

PACE: dict[str, float] = {"ping_interval": 0.3, "ping_timeout": 1.0}  # so that who is gone is soon forgotten
TRANSPORTS = ("websocket", "polling", "sse")
MOST_FAULTS = 20
SECRET = "of tests, which make tokens by it"

read = 0  # packets that came out of frames and payloads
_receive = session.Session.receive


def _counting(self: session.Session, encoded: str | bytes) -> None:
    global read
    read += 1
    _receive(self, encoded)


session.Session.receive = _counting  # type: ignore[method-assign]


class Faults(logging.Handler):
    """Whatever is logged as an error or with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if (record.levelno >= logging.ERROR or record.exc_info) and len(self.found) < MOST_FAULTS:
            self.found.append(self.format(record)[-4_000:])

    def take(self) -> list[str]:
        found, self.found = self.found, []
        return found


def build_server() -> Server:
    """Handlers of every kind, on `/`, `/other` and `/refusing`. None of them fails."""
    server = create_server(transports=TRANSPORTS, **PACE)  # type: ignore[arg-type]

    async def connect(_sid: str, _environ: Any, _auth: Any) -> None:
        await asyncio.sleep(0)

    async def refuse(*_: Any) -> None:
        raise ConnectionRefusedError("not here")

    for namespace in ("/", "/other"):

        async def back(sid: str, *values: Any, namespace: str = namespace) -> None:
            await server.emit("back", values, to=sid, namespace=namespace)

        async def seat(sid: str, *_: Any, namespace: str = namespace) -> int:
            await server.enter_room(sid, "seats", namespace=namespace)
            await server.emit("news", b"\0", room="seats", namespace=namespace)
            await server.leave_room(sid, "seats", namespace=namespace)
            return len(server.rooms(sid, namespace=namespace))

        async def ask(sid: str, *_: Any, namespace: str = namespace) -> None:
            await server.emit("question", to=sid, namespace=namespace, callback=lambda *_: None)

        async def all(_sid: str, *_: Any, namespace: str = namespace) -> None:
            await server.emit("all", namespace=namespace)

        server.on("connect", connect, namespace=namespace)
        server.on("echo", lambda _sid, *values: values, namespace=namespace)
        server.on("none", lambda *_: None, namespace=namespace)
        server.on("pair", lambda *_: (1, b"\0"), namespace=namespace)
        server.on("back", back, namespace=namespace)
        server.on("seat", seat, namespace=namespace)
        server.on("ask", ask, namespace=namespace)
        server.on("all", all, namespace=namespace)
    server.on("connect", refuse, namespace="/refusing")
    return server


def kept(server: Server, running: Running | None) -> dict[str, int]:
    """How much the server keeps of people, all of which must be 0 once they are gone."""
    manager, engine = server.manager, server.engine
    counts = {
        "sessions": len(engine.sessions),
        "lingering": len(engine._lingering),
        "websockets": engine.websockets,
        "tasks": len(server.tasks),
        "clients": len(server.clients),
        "environ": len(server.environ),
        "rooms": sum(map(len, manager.rooms.values())),
        "callbacks": len(manager.callbacks),
        "coming": sum(map(len, manager.pending_connect.values())),
        "leaving": sum(map(len, manager.pending_disconnect.values())),
        "sids": len(manager.eio_to_sid),
        "entered": len(manager._entered),
        "beating": len(engine.heartbeats._pings) + len(engine.heartbeats._deadlines),
    }
    if running:
        presence, broadcaster = running.chat.presence, running.chat.broadcaster
        counts |= {
            "people": len(presence.online._by_id),
            "sockets": len(presence.online._connections),
            "present": len(presence.rooms._rooms),
            "busiest": len(presence.rooms),
            "news": len(presence._news._pending),
            "awaited": len(presence._grace._timers),
            "subscribed": len(broadcaster._subscribed),  # type: ignore[attr-defined]
            "groups": len(broadcaster._groups),  # type: ignore[attr-defined]
            "plain": len(broadcaster._plain._by_id),  # type: ignore[attr-defined]
            "plain in rooms": len(broadcaster._plain.by_room),  # type: ignore[attr-defined]
            "streams": len(running.runner.app[ROOM_EVENTS]),
            "plain sockets": len(running.runner.app[ROOM_SOCKETS]._sockets),
            "connections": sum(len(one.connections) for one in running.listeners),
            "writes": len(running.database._commits),
        }
    return counts


def look(server: Server, running: Running | None) -> dict[str, Any]:
    """`blocks` are what Python's own allocator has given out: every small object, tracked by the collector or not, but
    for what `gone_cursors` counts. No list of all objects is kept meanwhile: malloc would have given it out.
    """
    gc.collect()
    give_back()
    return {
        "kept": {name: count for name, count in kept(server, running).items() if count},
        "tasks": len(asyncio.all_tasks()),
        "running": sorted(repr(task.get_coro()) for task in asyncio.all_tasks()),
        "timers": sum(1 for one in gc.get_objects() if isinstance(one, TIMERS) and not one.cancelled()),
        "files": len(open_files()),
        "objects": len(gc.get_objects()),
        "blocks": sys.getallocatedblocks() - gone_cursors(),
        "allocated": allocated(),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
    }


def gone_cursors() -> int:
    """References to cursors that are gone. A connection of sqlite3 keeps them in a list, and clears it when two hundred
    more have been made, so their number comes and goes."""
    connections = [one for one in gc.get_objects() if isinstance(one, Connection)]
    held = [one for connection in connections for one in gc.get_referents(connection)]
    return sum(isinstance(one, weakref.ref) and one() is None for many in held if type(many) is list for one in many)


class Mallinfo2(ctypes.Structure):
    """mallinfo(3): what malloc has, over all threads."""

    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]


def allocated() -> int:
    """Bytes that malloc has given out: objects above 512 bytes, buffers, SQLite's cache. Resident memory would tell as
    much of holes: a megabyte of Python's small objects stays or goes by where the last of them lies."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:  # another C library than glibc
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    mallinfo2.restype = Mallinfo2
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


TIMERS = (asyncio.TimerHandle, uvloop.loop.TimerHandle) if uvloop else (asyncio.TimerHandle,)


def give_back() -> None:
    """Free memory goes back to the system (glibc alone keeps it): what is left is what is held."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def open_files() -> list[str]:
    """What the process has open, the database aside: its pool opens what it needs and keeps it."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one by which the folder itself is read
            names.append(str(link.readlink()))
    return [name for name in names if "parlor.db" not in name]


async def mounted() -> tuple[str, Server, None, Callable[[], Awaitable[None]]]:
    server = build_server()
    app = web.Application()
    attach(server, app)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listener = await listen(runner, "127.0.0.1", 0)

    async def stop() -> None:
        listener.close()
        await runner.cleanup()

    return f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", server, None, stop


async def chat(folder: str) -> tuple[str, Server, Running, Callable[[], Awaitable[None]]]:
    settings = Settings(
        host="127.0.0.1",
        port=0,
        data=Path(folder),
        rate_limit="off",
        nickname_hold=0,
        grace=0.5,
        secret=SECRET,
        transports=TRANSPORTS,
        **PACE,
    )
    running = await start(settings)
    return running.url, running.sockets, running, running.stop


async def serve(which: str, folder: str) -> None:
    faults = Faults()
    logging.getLogger().addHandler(faults)
    _tell_what_it_does(asyncio.get_running_loop())
    url, server, running, stop = await (mounted() if which == "mounted" else chat(folder))
    print(url, flush=True)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        seen = look(server, running) if line == b"all\n" else {}
        print(json.dumps(seen | {"read": read, "faults": faults.take()}), flush=True)
    await stop()


def _tell_what_it_does(loop: asyncio.AbstractEventLoop) -> None:
    """At SIGUSR1: first the threads, though Python itself stand still, then the tasks as well."""
    signal.signal(signal.SIGUSR1, lambda *_: print(doing(loop).replace("; ", "\n"), file=sys.stderr, flush=True))
    faulthandler.register(signal.SIGUSR1, chain=True)


def main(which: str, loop: str = "asyncio", mood: str = "hasty") -> None:
    if mood == "hasty":  # so that a run meets them; nothing else is other than shipped
        engine_server.LINGER_S = session.UPGRADE_TIMEOUT_S = socketio_server.CONNECT_TIMEOUT_S = 1.0
    else:  # nobody may be taken for gone because the visitors' own process had to wait for the processor
        PACE["ping_timeout"] = 3.0
    use = uvloop.new_event_loop if uvloop and loop == "uvloop" else asyncio.new_event_loop
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=use) as runner:
        runner.run(serve(which, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
