"""A real Redis of the test's own: on a free port of the loopback, keeping nothing, killed or suspended at will.
REDIS_SERVER in the environment names the program of another version, or of Valkey."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.need import program
from tests.support.process import free_port

STARTS_WITHIN = 15.0  # seconds, on a busy machine
PROGRAMS = ("redis-server", "valkey-server")


def redis_program(why: str) -> str:
    """The path of the server; `why` says what cannot be tested without."""
    return program(PROGRAMS, why, variable="REDIS_SERVER")


class RedisServer:
    """Empty whenever it begins. options: of its command line, as `requirepass="secret"`."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.program = redis_program("what processes tell each other over Redis is not tested")
        self.folder, self.options = folder, options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: asyncio.subprocess.Process | None = None

    async def begin(self, **options: str) -> None:
        """Returns once it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        chosen = {"bind": "127.0.0.1", "port": str(self.port), "save": "", "appendonly": "no"} | self.options | options
        flags = [part for name, value in chosen.items() for part in (f"--{name.replace('_', '-')}", *_words(value))]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                self.program, *flags, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        async with asyncio.timeout(STARTS_WITHIN):
            while not await self._answers():
                assert self.process.returncode is None, (self.folder / "redis.log").read_text()
                await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            with contextlib.suppress(ConnectionResetError):  # it is to be spoken to by TLS
                await reader.readline()
            return True
        finally:
            writer.close()

    async def kill(self) -> None:
        """By SIGKILL; returns once it is gone."""
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def suspend(self) -> None:
        """It accepts connections, and answers nothing."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    async def call(self, *command: str | bytes) -> Any:
        """The answer to one command, as `redis-cli` would ask it: text, a number, a list; an error raises
        RuntimeError."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            parts = [part.encode() if isinstance(part, str) else part for part in command]
            writer.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            return await _read(reader)
        finally:
            writer.close()

    @asynccontextmanager
    async def overhears(self, pattern: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        """What is published on channels like this, by anybody: `(channel, bytes)`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)

        async def heard() -> AsyncIterator[tuple[str, bytes]]:
            while True:
                _, _, channel, said = await _read(reader, as_text=False)
                yield channel.decode(), said

        try:
            writer.write(f"PSUBSCRIBE {pattern}\r\n".encode())
            await _read(reader)
            yield heard()
        finally:
            writer.close()


def _words(value: str) -> list[str]:
    return value.split() or [""]


async def _read(reader: asyncio.StreamReader, as_text: bool = True) -> Any:
    line = (await reader.readline()).rstrip(b"\r\n")
    kind, rest = line[:1], line[1:]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        found = None if rest == b"-1" else (await reader.readexactly(int(rest) + 2))[:-2]
        return found.decode(errors="replace") if found is not None and as_text else found
    if kind == b"*":
        return [await _read(reader, as_text) for _ in range(int(rest))]
    return rest.decode()


@asynccontextmanager
async def redis_server(folder: Path, **options: str) -> AsyncIterator[RedisServer]:
    """One that serves, ended at the end."""
    server = RedisServer(folder, **options)
    try:
        await server.begin()
        yield server
    finally:
        await server.kill()


@asynccontextmanager
async def not_redis(says: bytes = b"", hangs_up: bool = False) -> AsyncIterator[str]:
    """The URL of something that listens and is not Redis: it says this to whatever comes, or nothing."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await reader.read(1)
            writer.write(says)
            if not hangs_up:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, family=socket.AF_INET)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
