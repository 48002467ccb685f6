"""Clients that speak by the letter, or wrongly on purpose. They answer pings and do nothing else unasked."""

import asyncio
import base64
import contextlib
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

from tests.support import PATIENCE

SEPARATOR = "\x1e"
Encoded = str | bytes


class Gone(AssertionError):
    """The session is over, where it should not be."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Line:
    """One TCP connection, bytes in and bytes out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, url: str, **how: Any) -> Self:
        where = urlsplit(url)
        return cls(*await asyncio.open_connection(where.hostname, where.port, **how))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def write(self, *pieces: bytes) -> None:
        """Each piece in a TCP segment of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        await self.write(head(method, path, headers | {"Content-Length": str(len(body))}) + body)
        return await self.answer()

    async def answer(self) -> Answer:
        async with asyncio.timeout(PATIENCE):
            top, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(top.split()[1]), headers, body)

    async def ends(self) -> None:
        """Wait until the other side lets go of the connection."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await self.reader.read(65_536):
                    pass


def head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if not {"host", "Host"} & headers.keys():
        lines.append("Host: parlor.test")
    return "\r\n".join([*lines, "", ""]).encode()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


class Speech:
    """What both transports have in common: packets that come, pings that are answered, a namespace to join."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url = http, url
        self.sid = ""
        self.handshake: dict[str, Any] = {}
        self.come: deque[Encoded] = deque()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def open(self) -> None:
        raise NotImplementedError

    async def hang_up(self) -> None:
        """Go without a word."""

    async def send(self, *packets: Encoded) -> Any:
        raise NotImplementedError

    async def fetch(self) -> None:
        raise NotImplementedError

    async def packet(self) -> Encoded:
        """The next packet, whatever it is. Raises Gone."""
        async with asyncio.timeout(PATIENCE):
            while not self.come:
                await self.fetch()
        return self.come.popleft()

    async def hears(self, start: Encoded = "4") -> Any:
        """The next packet that is no heartbeat, which must start so."""
        while (packet := await self.packet()) in ("2", "6"):
            if packet == "2":
                await self.send("3")
        assert isinstance(packet, type(start)), packet
        assert packet.startswith(start), packet  # type: ignore[arg-type]
        return packet

    async def event(self) -> list[Any]:
        """The next packet, which must be an event on `/`; its name and values."""
        return read((await self.hears("42"))[2:])

    async def events(self, count: int) -> list[list[Any]]:
        return [await self.event() for _ in range(count)]

    async def join(self, namespace: str = "/", auth: str = "") -> str:
        """CONNECT; the Socket.IO sid."""
        start = "40" if namespace == "/" else f"40{namespace},"
        await self.send(start + auth)
        return str(orjson.loads((await self.hears(start))[len(start) :])["sid"])

    async def ask(self, packet: str, id: int = 1) -> list[Any]:
        """Send an event and wait for its ack."""
        await self.send(packet)
        return read((await self.hears(f"43{id}"))[2 + len(str(id)) :])

    async def is_let_go(self) -> None:
        """Wait until the server ends the session."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(Gone):
                while True:
                    if await self.packet() == "2":
                        await self.send("3")


class Polls(Speech):
    """A session over HTTP long-polling."""

    @property
    def address(self) -> str:
        return f"{self.url}/socket.io/?EIO=4&transport=polling&sid={self.sid}"

    async def open(self) -> None:
        async with self.http.get(f"{self.url}/socket.io/?EIO=4&transport=polling") as response:
            text = await response.text()
            assert response.status == 200, text
        self.handshake = orjson.loads(text[1:])
        self.sid = self.handshake["sid"]

    async def post(self, body: str | bytes, **headers: str) -> tuple[int, str]:
        async with self.http.post(self.address, data=body, headers=headers) as response:
            return response.status, await response.text()

    async def send(self, *packets: Encoded) -> tuple[int, str]:
        """The status and text of the POST's answer; bytes go as base64."""
        return await self.post(SEPARATOR.join(as_text(packet) for packet in packets))

    async def poll(self) -> tuple[int, str]:
        async with self.http.get(self.address) as response:
            return response.status, await response.text()

    async def fetch(self) -> None:
        status, text = await self.poll()
        if status != 200 or text == "1":
            raise Gone(text)
        self.come += text.split(SEPARATOR)


class Stream(Speech):
    """A session over server-sent events and POST. posts_to: the address of the server that gets the POSTs, where that
    is another one."""

    def __init__(self, http: aiohttp.ClientSession, url: str, posts_to: str | None = None) -> None:
        super().__init__(http, url)
        self._posts_to = posts_to or url

    async def open(self) -> None:
        self.response = await self.http.get(f"{self.url}/socket.io/?EIO=4&transport=sse")
        assert self.response.status == 200, await self.response.text()
        self.handshake = orjson.loads((await self.hears("0"))[1:])
        self.sid = self.handshake["sid"]

    async def hang_up(self) -> None:
        self.response.close()

    async def send(self, *packets: Encoded) -> tuple[int, str]:
        """The status and text of the POST's answer; bytes go as base64."""
        address = f"{self._posts_to}/socket.io/?EIO=4&transport=sse&sid={self.sid}"
        body = SEPARATOR.join(as_text(packet) for packet in packets)
        async with self.http.post(address, data=body) as response:
            return response.status, await response.text()

    async def fetch(self) -> None:
        data: list[str] = []
        try:
            while line := (await self.response.content.readline()).decode():
                if line.startswith("data: "):
                    data.append(line[len("data: ") :].removesuffix("\n"))
                elif line == "\n" and data:
                    self.come.append("\n".join(data))
                    return
        except aiohttp.ClientError as error:
            raise Gone(str(error)) from None
        raise Gone("the stream has ended")


class Socket(Speech):
    """A session over a WebSocket, from the start or as the upgrade of the session `of`."""

    ws: aiohttp.ClientWebSocketResponse

    def __init__(self, http: aiohttp.ClientSession, url: str, of: Polls | None = None, **headers: str) -> None:
        super().__init__(http, url)
        self.of, self.headers = of, headers

    async def open(self) -> None:
        sid = f"&sid={self.of.sid}" if self.of else ""
        address = f"{self.url}/socket.io/?EIO=4&transport=websocket{sid}"
        try:
            self.ws = await self.http.ws_connect(address, headers=self.headers, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as refusal:
            raise Gone(f"no 101 but {refusal.status}") from None
        if self.of:
            self.sid, self.handshake = self.of.sid, self.of.handshake
        else:
            self.handshake = orjson.loads((await self.hears("0"))[1:])
            self.sid = self.handshake["sid"]

    async def hang_up(self) -> None:
        await self.ws.close()

    def cut(self) -> None:
        """Go without even a close frame."""
        assert self.ws._response.connection is not None
        transport = self.ws._response.connection.transport
        assert transport is not None
        transport.abort()

    async def send(self, *packets: Encoded) -> None:
        for packet in packets:
            try:
                await (self.ws.send_bytes(packet) if isinstance(packet, bytes) else self.ws.send_str(packet))
            except ConnectionError as error:
                raise Gone(str(error)) from None

    async def fetch(self) -> None:
        frame = await self.ws.receive()
        if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise Gone(f"the WebSocket was closed with {self.ws.close_code}")
        self.come.append(frame.data)


def read(text: str) -> Any:
    """JSON as strictly as a browser reads it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Gone(f"parse error: {error}") from None


def as_text(packet: Encoded) -> str:
    """A packet as a payload carries it."""
    return packet if isinstance(packet, str) else "b" + base64.b64encode(packet).decode()
