"""Peers that send as fast as they can, and an honest user who measures beside them: each a process of its own, so that
what is measured is the server and not the one who asks.

`python -m tests.faults.flood KIND PORT` floods until it is killed. `python -m tests.faults.flood honest PORT SECONDS`
asks `echo` every 50 ms and prints the milliseconds of each answer as JSON.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

from app.engineio import frames
from tests.support.raw import UPGRADE, head

PEERS = 4
EVERY_S = 0.05
BLOCK = 100_000  # bytes that are written in one go
ENGINE = "/socket.io/?EIO=4"
ROOM = '42["join",{"room":"flood"}]'


def masked(payload: bytes, opcode: int = frames.TEXT, is_last: bool = True) -> bytes:
    """A client's frame, with the mask that changes nothing."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2)
    return bytes([(0x80 if is_last else 0) | opcode]) + size + bytes(4) + payload


FRAGMENTS = masked(b"", is_last=False) + masked(b"", frames.CONTINUATION, is_last=False) * 900
BY_WEBSOCKET = {
    "unknown-verbs": masked(b'421["nope",{}]'),
    "bad-payloads": masked(b'421["send",{"room":"flood","text":7}]'),
    "not-a-member": masked(b'421["send",{"room":"elsewhere","text":"x","id":"12345678"}]'),
    "typing": masked(b'42["typing",{"room":"flood"}]'),
    "pongs": masked(b"3"),
    "websocket-pings": masked(b"", frames.PING),
    "websocket-pongs": masked(b"", frames.PONG),
    "fragments": FRAGMENTS + masked(b"6", frames.CONTINUATION),
}
POLLS, POSTS, REFUSED_REQUESTS = "polls", "posts", "refused-requests"
KINDS = (*BY_WEBSOCKET, POLLS, POSTS, REFUSED_REQUESTS)


async def websocket(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has joined the namespace."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head("GET", f"{ENGINE}&transport=websocket", UPGRADE) + masked(b"40"))
    await reader.readuntil(b'42["welcome"')
    return reader, writer


async def flood_by_websocket(port: int, frame: bytes) -> None:
    reader, writer = await websocket(port)
    writer.write(masked(ROOM.encode()))
    await pour(reader, writer, frame)


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Write it over and over, and throw away what is answered."""

    async def drain() -> None:
        while await reader.read(1 << 20):
            pass
        writer.transport.abort()

    draining = asyncio.create_task(drain())
    block = piece * (BLOCK // len(piece) + 1)
    try:
        while True:
            writer.write(block)
            await writer.drain()
    finally:
        draining.cancel()
        writer.transport.abort()


async def handshake(port: int) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head("GET", f"{ENGINE}&transport=polling", {"Connection": "close"}))
    answer = await reader.read()
    writer.close()
    return str(json.loads(answer.partition(b"\r\n\r\n0")[2])["sid"])


async def flood_by_polls(port: int) -> None:
    """Polls that do not wait, pipelined."""
    sid = await handshake(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await pour(reader, writer, head("GET", f"{ENGINE}&transport=polling&sid={sid}&hold=0", {}))


async def flood_by_posts(port: int) -> None:
    """POSTs of one PONG each, pipelined."""
    sid = await handshake(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await pour(reader, writer, head("POST", f"{ENGINE}&transport=polling&sid={sid}", {"Content-Length": "1"}) + b"3")


async def flood_by_refused_requests(port: int) -> None:
    """Requests that no session is named in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await pour(reader, writer, head("GET", f"{ENGINE}&transport=polling&sid=nobody", {}))


def flood(kind: str, port: int) -> Callable[[], Awaitable[None]]:
    by_http = {POLLS: flood_by_polls, POSTS: flood_by_posts, REFUSED_REQUESTS: flood_by_refused_requests}
    if kind in by_http:
        return lambda: by_http[kind](port)
    return lambda: flood_by_websocket(port, BY_WEBSOCKET[kind])


async def attack(kind: str, port: int) -> None:
    """Whoever is sent away comes again at once."""

    async def again_and_again() -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
                await flood(kind, port)()
            await asyncio.sleep(0.01)

    os.nice(10)  # the honest user has a machine of its own, for which this one has no processor left
    await asyncio.gather(*(again_and_again() for _ in range(PEERS)))


async def ask(port: int, seconds: float) -> list[float]:
    """Milliseconds from each question to its answer, of a user who asks every 50 ms."""
    reader, writer = await websocket(port)
    took: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        writer.write(masked(b'421["echo",{}]'))
        answer = b""
        while b"431[" not in answer:
            answer += await reader.read(65_536)
        took.append((time.perf_counter() - began) * 1000)
        if b"\x01" + b"2" in answer:  # a ping, in a frame of one byte
            writer.write(masked(b"3"))
        await asyncio.sleep(EVERY_S)
    writer.transport.abort()
    return took


if __name__ == "__main__":
    if sys.argv[1] == "honest":
        print(json.dumps(asyncio.run(ask(int(sys.argv[2]), float(sys.argv[3])))))
    else:
        asyncio.run(attack(sys.argv[1], int(sys.argv[2])))
