"""The server as an operator runs it: a process of its own, begun by its command line and ended by signals."""

import asyncio
import contextlib
import itertools
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Self

from tests.support.forkserver import Child, fork
from tests.support.template import begin_with_tables

PROJECT = Path(__file__).parents[2]
AT_THE_START = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "MALLOC_")  # what is read when a program begins
STARTS_WITHIN = 30.0  # seconds; a process that imports all of the project on a busy machine


class Process:
    """A server that has said where it serves."""

    def __init__(self, process: Child | asyncio.subprocess.Process, greeting: str) -> None:
        self.process, self.greeting = process, greeting
        found = re.search(r"http://\S+:(\d+)", greeting)
        assert found, greeting
        self.url, self.port = found[0], int(found[1])

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, within: float) -> tuple[int, str]:
        """Exit code and what it wrote to stderr. Raises TimeoutError where it lives on."""
        async with asyncio.timeout(within):
            _, errors = await self.process.communicate()
        return self.process.returncode or 0, errors.decode()


class Standing:
    """A server that can be killed and begun again: at the same address, on the same data. `log` is what its lives wrote
    to stderr, one after the other: a pipe that nobody reads would stop it in the end."""

    def __init__(self, data: Path, *flags: str, **environment: str) -> None:
        self.data, self.flags, self.environment = data, flags, environment
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database, self.log = data / "parlor.db", data.parent / f"{data.name}.log"
        self.process: Child | asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process and self.process.returncode is None:
            self.signal(signal.SIGCONT)
            await self.kill()

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    async def begin(self) -> None:
        """Returns once it serves."""
        begin_with_tables(self.data)
        with self.log.open("ab") as log:
            self.process = await begin(
                *("--data", str(self.data), "--host", "127.0.0.1", "--port", str(self.port)),
                *self.flags,
                errors=log,
                **self.environment,
            )
        assert self.process.stdout
        try:
            async with asyncio.timeout(STARTS_WITHIN):
                greeting = await self.process.stdout.readline()
        except BaseException:
            await self.kill()
            raise
        assert greeting, self.log.read_text()

    def signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL: it has no time for a last word."""
        self.signal(signal.SIGKILL)
        await self.ended(STARTS_WITHIN)

    async def ended(self, within: float) -> int:
        """Its exit code. Raises TimeoutError where it lives on."""
        assert self.process
        async with asyncio.timeout(within):
            return await self.process.wait()

    def faults(self) -> list[str]:
        """The lines of its log that tell of a fault of ours."""
        return [line for line in self.log.read_text().splitlines() if " ERROR " in line or "Traceback" in line]

    def memory(self) -> int:
        """Bytes it holds in memory, programs and libraries aside, which come into it as they are used."""
        return int(_field(self.pid, "RssAnon")) * 1024

    def starved(self) -> float:
        """Seconds that it was ready to run and had no processor."""
        return starved(self.pid)


def starved(pid: int) -> float:
    """Seconds that its main thread was ready to run and had no processor (schedstats in the kernel's docs)."""
    return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9


def _field(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))


def free_port() -> int:
    """A port that stays free while its server is dead: below those that the kernel gives to outgoing connections, of
    which one that dials a dead port there may even meet itself; in the range of this worker (pytest-xdist), which no
    other takes it from; and none that was given to somebody just before."""
    for _ in range(len(PORTS)):
        port = next(_ports)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def _ports_of(worker: str) -> range:
    """tests/js/client/server.mjs takes those from 30,000 on."""
    number = int(worker.removeprefix("gw")) % 8
    return range(20_000 + number * 1_250, 20_000 + (number + 1) * 1_250)


PORTS = _ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw4"))
_ports = itertools.cycle(random.sample(PORTS, len(PORTS)))


@asynccontextmanager
async def serving(data: Path, *flags: str, makes_all: bool = False, **environment: str) -> AsyncIterator[Process]:
    """A server on a free port of the loopback; killed at the end if it still runs. It finds an empty database, unless
    it is to make that itself."""
    if not makes_all and "DATABASE_URL" not in environment:
        begin_with_tables(data)
    process = await begin("--data", str(data), "--host", "127.0.0.1", "--port", "0", *flags, **environment)
    assert process.stdout
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            greeting = (await process.stdout.readline()).decode()
        if not greeting:
            raise AssertionError((await process.communicate())[1].decode())
        yield Process(process, greeting)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def begin(
    *flags: str, errors: int | IO[bytes] = asyncio.subprocess.PIPE, **environment: str
) -> Child | asyncio.subprocess.Process:
    """`python -m app serve` with these flags, and no setting from the environment but these. SIGHUP ends it, as from a
    terminal: the tests themselves may run under nohup, and who ignores a signal hands that on."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PARLOR_")}
    if not any(name.startswith(AT_THE_START) for name in environment):
        return await fork(["serve", *flags], ours | environment, errors)
    pipes: dict[str, Any] = {"stdout": asyncio.subprocess.PIPE, "stderr": errors}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", *flags),
        cwd=PROJECT,
        env=ours | environment,
        preexec_fn=_heed_hangup,
        **pipes,
    )


def _heed_hangup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


async def refusal(*flags: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a start that is to fail by itself."""
    process = await begin(*flags, **environment)
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), errors.decode()


@asynccontextmanager
async def beside(module: str, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of the tests in a process of its own, with pipes to it, for as long as the context lasts."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", module, *words)
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
