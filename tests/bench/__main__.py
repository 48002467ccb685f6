"""Parlor as shipped beside stock python-socketio: CPU for each delivered message, and how many
sends a second are stored and acked. Each server runs in a process of its own, interleaved, medians of the rounds.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import orjson

MEMBERS, MESSAGES, ROUNDS, SENDS = 100, 200, 3, 2_000
TICKS = 100  # a second, in /proc/PID/stat

STOCK = """
import socketio
from aiohttp import web
server = socketio.AsyncServer(async_mode="aiohttp")
@server.on("join")
async def join(sid, payload): await server.enter_room(sid, payload["room"]); return {"ok": True}
@server.on("send")
async def send(sid, payload):
    await server.emit("message", {"room": payload["room"], "message": payload}, room=payload["room"])
    return {"ok": True}
app = web.Application(); server.attach(app)
async def main():
    runner = web.AppRunner(app); await runner.setup(); site = web.TCPSite(runner, "127.0.0.1", 0); await site.start()
    print(f"serves http://127.0.0.1:{runner.addresses[0][1]} .", flush=True)
    import asyncio; await asyncio.Event().wait()
import asyncio; asyncio.run(main())
"""


class Server:
    """A server process, its address and the CPU seconds it has used."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        words = self.process.stdout.readline().split()
        self.url = words[words.index("serves") + 1]

    def cpu(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Member:
    """One raw WebSocket that counts what it hears: cheap, so that the load is not the limit."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws, self.heard, self.acked = ws, 0, 0
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for frame in self.ws:
            if frame.data.startswith('42["message"'):
                self.heard += 1
            elif frame.data.startswith("43"):
                self.acked += 1
            elif frame.data == "2":
                await self.ws.send_str("3")

    async def ask(self, number: int, verb: str, payload: dict[str, object]) -> None:
        await self.ws.send_str(f"42{number}{orjson.dumps([verb, payload]).decode()}")


async def join(session: aiohttp.ClientSession, url: str) -> Member:
    ws = await session.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket")
    await ws.receive()
    await ws.send_str("40{}")
    while not (await ws.receive()).data.startswith("40"):
        pass
    member = Member(ws)
    await member.ask(0, "join", {"room": "bench"})
    await until(lambda: member.acked == 1)
    return member


async def until(condition) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


async def delivery(server: Server) -> float:
    """CPU microseconds of the server for each delivered message; every member hears every message."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        members = [await join(session, server.url) for _ in range(MEMBERS)]
        before = server.cpu()
        for number in range(MESSAGES):
            payload = {"room": "bench", "text": "x" * 60, "id": f"{time.time_ns()}-{number}"}
            await members[number % MEMBERS].ask(number + 1, "send", payload)
            await asyncio.sleep(0.002)
        await until(lambda: all(member.heard == MESSAGES for member in members))
        used = server.cpu() - before
        await asyncio.gather(*(member.ws.close() for member in members))
    return used / (MEMBERS * MESSAGES) * 1e6


async def sends(server: Server) -> float:
    """Sends a second that are stored and acked, from ten people at once."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        members = [await join(session, server.url) for _ in range(10)]
        start = time.perf_counter()
        for number in range(SENDS):
            payload = {"room": "bench", "text": "x" * 60, "id": f"{time.time_ns()}-{number}"}
            await members[number % 10].ask(number + 1, "send", payload)
        await until(lambda: sum(member.acked for member in members) == SENDS + 10)
        took = time.perf_counter() - start
        await asyncio.gather(*(member.ws.close() for member in members))
    return SENDS / took


async def main() -> None:
    with tempfile.TemporaryDirectory() as data:
        flags = ["--host", "127.0.0.1", "--port", "0", "--data", data, "--rate-limit", "off"]
        ours, stock = Server("-m", "app", "serve", *flags), Server("-c", STOCK)
        try:
            rounds = [(await delivery(ours), await delivery(stock)) for _ in range(ROUNDS)]
            stored = await sends(ours)
        finally:
            ours.stop()
            stock.stop()
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{MEMBERS} members, {MESSAGES} messages, {ROUNDS} rounds; every message stored by Parlor, none by stock")
    print(f"CPU per delivery: Parlor {mine:.1f} µs, stock python-socketio {theirs:.1f} µs, ratio {mine / theirs:.2f}")
    print(f"stored and acked: {stored:,.0f} sends a second")


asyncio.run(main())
