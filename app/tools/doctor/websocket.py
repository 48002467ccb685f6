"""A WebSocket client (RFC 6455, 7692) that shows the raw answer to the handshake, which libraries hide."""

import asyncio
import base64
import contextlib
import hashlib
import os
import ssl
import struct
import zlib
from time import monotonic
from typing import Self

from app.tools.doctor.site import AGENT, Reply, Site, cookies, joined, trouble

TIMEOUT_S = 4.0  # the same as the page's (static/js/transport-choice.js)
RFC6455 = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
DEFLATE = "permessage-deflate; client_max_window_bits"  # as Chromium offers it
MAX_HEAD, MAX_BODY, MAX_FRAME = 65_536, 4_096, 1_000_000  # bytes
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
NORMAL_CLOSE_CODES = (1000, 1001)


class Ended(Exception):
    """The connection has ended; a sentence says how. in_good_order: by a close frame of a server that goes away or has
    had enough (RFC 6455, 7.4.1), not by something on the way."""

    def __init__(self, how: str, in_good_order: bool = False) -> None:
        super().__init__(how)
        self.in_good_order = in_good_order


class WebSocket:
    """One handshake and what follows. `reply` is its raw answer; with status 101 it can send and receive."""

    def __init__(self, reply: Reply, reader: asyncio.StreamReader | None, writer: asyncio.StreamWriter | None) -> None:
        self.reply, self._reader, self._writer = reply, reader, writer
        self.compressed = "permessage-deflate" in reply.headers.get("sec-websocket-extensions", "")
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    @classmethod
    async def open(cls, site: Site, path: str, *, deflate: bool = False, within: float = TIMEOUT_S) -> Self:
        """Open a WebSocket as a browser does. Never raises for what a site or a network can do."""
        start, writer = monotonic(), None
        key = base64.b64encode(os.urandom(16)).decode()
        try:
            async with asyncio.timeout(within):
                reader, writer = await _connect(site)
                writer.write(_head(site, path, key, deflate))
                reply = await _answer(reader, start)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            reply = Reply(seconds=monotonic() - start, trouble=trouble(error, monotonic() - start))
        except asyncio.LimitOverrunError:
            reply = Reply(seconds=monotonic() - start, trouble="no answer that is HTTP")
        except asyncio.CancelledError:
            _abort(writer)
            raise
        site.recognise(reply)
        if reply.status == 101 and reply.headers.get("sec-websocket-accept") == _accept(key):
            return cls(reply, reader, writer)
        _abort(writer)
        if reply.status == 101:
            reply = Reply(trouble="101, but not to our question (Sec-WebSocket-Accept is another's)")
        return cls(reply, None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        _abort(self._writer)

    @property
    def is_open(self) -> bool:
        return self.reply.status == 101

    async def receive(self, within: float = TIMEOUT_S) -> str:
        """The next message. Raises TimeoutError where none comes in time, Ended at the end of the connection."""
        async with asyncio.timeout(within):
            message, is_compressed = b"", False
            while True:
                final, compressed, opcode, payload = await self._frame()
                if opcode == CLOSE:
                    code = int.from_bytes(payload[:2], "big")
                    raise Ended(f"closed with code {code}" if payload else "closed", code in NORMAL_CLOSE_CODES)
                if opcode == PING:
                    await self._write(PONG, payload)
                elif opcode != PONG:
                    is_compressed = is_compressed or compressed
                    message += payload
                    if final:
                        return self._read(message, is_compressed)

    async def send(self, text: str) -> None:
        """Raises Ended."""
        await self._write(TEXT, text.encode())

    async def _frame(self) -> tuple[bool, bool, int, bytes]:
        assert self._reader
        try:
            first, second = await self._reader.readexactly(2)
            size = second & 127
            if size > 125:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            if size > MAX_FRAME:
                raise Ended("what arrives are no WebSocket frames")
            return bool(first & 128), bool(first & 64), first & 15, await self._reader.readexactly(size)
        except (OSError, EOFError):
            raise Ended("cut without a close frame") from None

    def _read(self, message: bytes, is_compressed: bool) -> str:
        if is_compressed and not self.compressed:
            raise Ended("a compressed frame arrived though no compression was agreed on")
        try:
            plain = self._inflate.decompress(message + b"\x00\x00\xff\xff") if is_compressed else message
        except zlib.error:
            raise Ended("a compressed frame arrived damaged") from None
        return plain.decode("utf-8", "replace")

    async def _write(self, opcode: int, payload: bytes) -> None:
        assert self._writer
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([128 | 126]) + struct.pack(">H", size)
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        try:
            self._writer.write(bytes([128 | opcode]) + length + mask + masked)
            await self._writer.drain()
        except OSError:
            raise Ended("cut without a close frame") from None


async def _connect(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if not site.secure:
        return await asyncio.open_connection(site.host, site.port, limit=MAX_HEAD)
    return await asyncio.open_connection(site.host, site.port, limit=MAX_HEAD, ssl=site.tls, server_hostname=site.host)


def _head(site: Site, path: str, key: str, deflate: bool) -> bytes:
    lines = [
        f"GET {site.base}{path} HTTP/1.1",
        f"Host: {site.authority}",
        f"User-Agent: {AGENT}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *([] if site.own_refused else [f"Origin: {site.origin}"]),
        *([f"Sec-WebSocket-Extensions: {DEFLATE}"] if deflate else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _answer(reader: asyncio.StreamReader, start: float) -> Reply:
    """Raises EOFError, ValueError, LimitOverrunError where it is none."""
    top, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    pairs = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    status, headers = int(top.split()[1]), joined(pairs)
    if not top.startswith("HTTP/1"):
        raise ValueError(top)
    body = "" if status == 101 else await _body(reader, headers)
    return Reply(status, headers, cookies(pairs), body, monotonic() - start)


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> str:
    """The beginning of the body, enough for a sentence."""
    told = headers.get("content-length", "")
    size = min(int(told), MAX_BODY) if told.isdigit() else MAX_BODY
    try:
        async with asyncio.timeout(1):
            body = await reader.readexactly(size)
    except asyncio.IncompleteReadError as short:
        body = short.partial
    except TimeoutError:
        body = b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = body.partition(b"\r\n")[2].rpartition(b"\r\n0\r\n")[0]  # refusals are short: one chunk
    return body.decode("utf-8", "replace")


def _accept(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + RFC6455).digest()).decode()  # noqa: S324 - RFC 6455, 4.2.2


def _abort(writer: asyncio.StreamWriter | None) -> None:
    if writer:
        with contextlib.suppress(OSError, ssl.SSLError):
            writer.transport.abort()
