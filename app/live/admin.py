"""The Socket.IO Admin UI (https://socket.io/docs/v4/admin-ui/), where the operator asks for it: numbers only.

What else the UI can be told (every event and every header) would hand cookies and messages to whoever knows the
password; that is not offered.
"""

import asyncio
import hmac
import logging
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from app.engineio.addresses import network
from app.engineio.request import Request
from app.socketio import REQUEST, Server

log = logging.getLogger("parlor.live")

NAMESPACE = "/admin"
NAME = "admin"
STATS_INTERVAL_S = 2.0
DELAY_S, MAX_DELAY_S = 1.0, 60.0  # after the first wrong password of an address; twice as long after each further one
FORGET_AFTER_S = 3_600.0  # without another one
MAX_ADDRESSES = 10_000  # remembered


@dataclass
class Guesses:
    """The wrong passwords of one address. free_at: when it may try again."""

    wrong: int = 0
    last: float = 0.0
    free_at: float = 0.0
    is_waiting: bool = False


class Guard:
    """Makes guessing slow: one guess of an address at a time, each later than the one before."""

    def __init__(self) -> None:
        self._guesses: dict[str, Guesses] = {}

    async def wait_turn(self, address: str) -> bool:
        """False where another guess of this address waits already."""
        guesses = self._guesses.get(network(address))
        if guesses is None:
            return True
        if guesses.is_waiting:
            return False
        guesses.is_waiting = True
        try:
            await asyncio.sleep(guesses.free_at - time.monotonic())
        finally:
            guesses.is_waiting = False
        return True

    def wrong(self, address: str) -> int:
        """How many it has been by now."""
        now = time.monotonic()
        if len(self._guesses) >= MAX_ADDRESSES:
            self._guesses = {one: it for one, it in self._guesses.items() if now - it.last < FORGET_AFTER_S}
        guesses = self._guesses.setdefault(network(address), Guesses())
        if now - guesses.last > FORGET_AFTER_S:
            guesses.wrong = 0
        guesses.wrong, guesses.last = guesses.wrong + 1, now
        guesses.free_at = now + min(DELAY_S * 2 ** min(guesses.wrong - 1, 10), MAX_DELAY_S)
        return guesses.wrong

    def right(self, address: str) -> None:
        self._guesses.pop(network(address), None)


class AdminUI:
    """Opens namespace `/admin` to who signs in as `admin` with this password. visitor: the address of whoever asks."""

    def __init__(self, server: Server, password: str, visitor: Callable[[Request], str]) -> None:
        self._server, self._password, self._visitor = server, password.encode(), visitor
        self._guard = Guard()
        self._started = time.monotonic()
        self._watching: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        server.on("connect", self._connect, namespace=NAMESPACE)
        server.on("disconnect", self._disconnect, namespace=NAMESPACE)

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        await self._let_in(self._visitor(environ[REQUEST]), auth if isinstance(auth, dict) else {})
        self._watching.add(sid)
        await self._server.emit("config", {"supportedFeatures": []}, to=sid, namespace=NAMESPACE)
        await self._server.emit("server_stats", self._stats(), to=sid, namespace=NAMESPACE)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._report())

    async def _let_in(self, address: str, given: dict[str, Any]) -> None:
        """Raises ConnectionRefusedError."""
        if not await self._guard.wait_turn(address):
            log.warning("admin UI: a guess from %s beside another one was not looked at", address)
            raise ConnectionRefusedError("another password is being checked")
        is_right = hmac.compare_digest(str(given.get("password", "")).encode(errors="replace"), self._password)
        if not is_right or given.get("username") != NAME:
            log.warning("admin UI: wrong name or password from %s, number %d", address, self._guard.wrong(address))
            raise ConnectionRefusedError("authentication failed")
        self._guard.right(address)

    async def _disconnect(self, sid: str, _reason: str) -> None:
        self._watching.discard(sid)
        if not self._watching and self._task:
            self._task.cancel()
            self._task = None

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(STATS_INTERVAL_S)
            await self._server.emit("server_stats", self._stats(), namespace=NAMESPACE)

    def _stats(self) -> dict[str, Any]:
        by_transport = self._server.engine.sessions_by_transport()
        rooms = self._server.manager.rooms
        return {
            "serverId": f"{socket.gethostname()}-{os.getpid()}",
            "hostname": socket.gethostname(),
            "pid": os.getpid(),
            "uptime": time.monotonic() - self._started,
            "clientsCount": sum(by_transport.values()),
            "pollingClientsCount": by_transport["polling"],
            "aggregatedEvents": [],
            "namespaces": [
                {"name": name, "socketsCount": len(rooms.get(name, {}).get(None, ()))}
                for name in sorted(self._server.handlers)
            ],
        }
