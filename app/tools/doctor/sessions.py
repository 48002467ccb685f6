"""Engine.IO 4 and Socket.IO 5 packet by packet, as far as the doctor needs them: both transports, raw answers."""

import contextlib
import json
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any, Self
from uuid import uuid4

import aiohttp

from app.tools.doctor.site import REQUEST_TIMEOUT_S, Reply, Site
from app.tools.doctor.websocket import TIMEOUT_S, Ended, WebSocket

POLLING = "/socket.io/?EIO=4&transport=polling"
WEBSOCKET = "/socket.io/?EIO=4&transport=websocket"
SEPARATOR = "\x1e"
PING, PONG, CLOSE, NOOP = "2", "3", "1", "6"
WELCOME_TIMEOUT_S = 0.5  # after the answer to CONNECT; chats other than Parlor send none
UNKNOWN_SESSION = 1  # Engine.IO's code for a session that this process does not know


class Polls:
    """A long-polling session, as a browser has one: with its cookies, each request on a connection of its own."""

    def __init__(self, site: Site, http: aiohttp.ClientSession) -> None:
        self.site, self._http = site, http
        self.handshake = Reply()
        self.sid = ""
        self.opened: dict[str, Any] = {}
        self.round_trip = 0.0  # seconds of a request that is answered at once, its connection included

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, site: Site) -> AsyncIterator[Self]:
        """With an empty `sid` where the handshake failed. Closes the session at the end."""
        async with site.session(keeps_cookies=True) as http:
            polls = cls(site, http)
            polls.handshake = await site.ask(http, "GET", f"{POLLING}&t={uuid4().hex[:8]}")
            polls.opened = opened(polls.handshake.body)
            polls.sid = str(polls.opened.get("sid", ""))
            polls.round_trip = polls.handshake.seconds
            try:
                yield polls
            finally:
                if polls.sid:
                    await polls.send(CLOSE, within=1)

    @property
    def address(self) -> str:
        return f"{POLLING}&sid={self.sid}"

    async def send(self, packet: str, within: float = REQUEST_TIMEOUT_S) -> Reply:
        headers = {"Content-Type": "text/plain;charset=UTF-8"}
        return await self.site.ask(self._http, "POST", self.address, within=within, body=packet, headers=headers)

    async def receive(self, within: float = REQUEST_TIMEOUT_S) -> Reply:
        return await self.site.ask(self._http, "GET", f"{self.address}&t={uuid4().hex[:8]}", within=within)

    async def join(self) -> tuple[bool, Reply]:
        """CONNECT to the namespace: whether that was answered, and the last reply."""
        reply = await self.send(connect(self.site))
        for _ in range(3):
            if reply.status != 200:
                break
            reply = await self.receive()
            if PING in packets(reply):
                await self.send(PONG)
            if joined_in(self.site, packets(reply)):
                return True, reply
        return False, reply


async def join(site: Site, socket: WebSocket, within: float = TIMEOUT_S) -> float:
    """CONNECT through a WebSocket, and wait for the answer: the seconds until it came, which are the line's round trip.
    Raises TimeoutError, Ended."""
    asked = monotonic()
    await socket.send(connect(site))
    while not joined_in(site, [await _next(socket, within)]):
        continue
    round_trip = monotonic() - asked
    if not site.version:
        with contextlib.suppress(TimeoutError):
            joined_in(site, [await _next(socket, WELCOME_TIMEOUT_S)])
    return round_trip


async def _next(socket: WebSocket, within: float) -> str:
    """A heartbeat is answered whenever it comes: the server sends no other before."""
    packet = await socket.receive(within)
    if packet == PING:
        await socket.send(PONG)
    return packet


def opened(body: str) -> dict[str, Any]:
    """The handshake: sid, pingInterval, ...; empty where the packet is not Engine.IO's."""
    if not body.startswith("0{"):
        return {}
    try:
        told: dict[str, Any] = json.loads(body[1:].split(SEPARATOR)[0])
    except ValueError:
        return {}
    return told


def packets(reply: Reply) -> list[str]:
    return reply.body.split(SEPARATOR) if reply.status == 200 else []


def connect(site: Site) -> str:
    """CONNECT, with the same guest's token every time, so that one examination makes one person."""
    return "40" + (json.dumps({"token": site.token}) if site.token else "")


def joined_in(site: Site, received: list[str]) -> bool:
    """Whether CONNECT was answered. Stores the values of a `welcome` in `site`."""
    for packet in received:
        if packet.startswith('42["welcome",'):
            _keep(site, packet)
    return any(packet.startswith(("40", "44")) for packet in received)


def _keep(site: Site, packet: str) -> None:
    try:
        welcome = json.loads(packet[2:])[1]
        site.token = site.token or welcome.get("token", "")
        site.version = site.version or str(welcome["server"]["version"])
        site.offered = tuple(welcome["server"]["transports"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return  # another chat, with another welcome


__all__ = ["Ended", "Polls", "WebSocket", "join", "opened", "packets"]
