"""The Socket.IO Admin UI (https://socket.io/docs/v4/admin-ui/), where the operator asks for it: numbers only.

What else the UI can be told (every event and every header) would hand cookies and messages to whoever knows the
password; that is not offered.
"""

import asyncio
import hmac
import os
import socket
import time
from typing import Any

from socketio.exceptions import ConnectionRefusedError

from app.socketio import Server

NAMESPACE = "/admin"
NAME = "admin"
STATS_INTERVAL_S = 2.0


class AdminUI:
    """Opens namespace `/admin` to who signs in as `admin` with this password."""

    def __init__(self, server: Server, password: str) -> None:
        self._server, self._password = server, password.encode()
        self._started = time.monotonic()
        self._watching: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        server.on("connect", self._connect, namespace=NAMESPACE)
        server.on("disconnect", self._disconnect, namespace=NAMESPACE)

    async def _connect(self, sid: str, _environ: dict[str, Any], auth: Any) -> None:
        given = auth if isinstance(auth, dict) else {}
        is_right = hmac.compare_digest(str(given.get("password", "")).encode(), self._password)
        if not is_right or given.get("username") != NAME:
            raise ConnectionRefusedError("authentication failed")
        self._watching.add(sid)
        await self._server.emit("config", {"supportedFeatures": []}, to=sid, namespace=NAMESPACE)
        await self._server.emit("server_stats", self._stats(), to=sid, namespace=NAMESPACE)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._report())

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
