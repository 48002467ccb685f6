"""Several processes of one server on one port, with what they need beside them: Redis, and for Parlor PostgreSQL."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection
from tempfile import TemporaryDirectory

from tests.bench.servers import HERE, LOAD_CORE, NODE, PARLOR, PROJECT, SERVERS_CORE, SILENT, Server, is_quick, spent_by
from tests.support import postgres
from tests.support.process import free_port
from tests.support.redis import redis_program

PROCESSES = 2
REDIS_WITHIN_S = 15.0


class Cluster(Server):
    """What it costs is what all its processes cost, Redis included; beside that, what PostgreSQL costs."""

    def __init__(
        self, name: str, command: tuple[str, ...], cwd: Path, data: Path, redis: int, postgres: int | None = None
    ) -> None:
        """redis, postgres: their first processes."""
        self._redis, self._postgres = redis, postgres
        self.keeps_order = name == PARLOR  # with socket.io's adapter each process tells its own news first
        super().__init__(name, command, cwd, data)

    def cpu(self) -> float:
        return sum(map(_spent, (*_tree(self.process.pid), self._redis)))

    def cpu_beside(self) -> float:
        return sum(map(_spent, _tree(self._postgres))) if self._postgres else 0.0


@contextmanager
def clusters() -> Iterator[list[Server]]:
    """Parlor with two workers, and socket.io's cluster with its Redis adapter; each has a Redis of its own."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="parlor-bench-")))
        os.sched_setaffinity(0, {SERVERS_CORE})  # as what is started inherits it
        database = stack.enter_context(postgres.cluster())
        servers: list[Server] = []
        for name in (PARLOR,) if is_quick() else (PARLOR, NODE):
            redis, address = stack.enter_context(_redis(folder))
            storage = database.pid if name == PARLOR else None
            where = database.database()
            command, cwd = _command(name, address, folder, where)
            servers.append(Cluster(name, command, cwd, folder / f"{name} cluster", redis, storage))
            servers[-1].database = where if name == PARLOR else None
            stack.callback(servers[-1].stop)
        for server in servers:
            server.starts()
        os.sched_setaffinity(0, {LOAD_CORE})
        yield servers


def _command(name: str, redis: str, folder: Path, database: str) -> tuple[tuple[str, ...], Path]:
    if name == NODE:
        return ("node", "cluster.mjs", str(SILENT * 1000), str(PROCESSES), redis), HERE
    settings = f"DATABASE_URL={database}", f"REDIS_URL={redis}", f"PARLOR_DATA={folder / 'data'}"
    flags = ("--host", "127.0.0.1", "--port", "0", "--workers", str(PROCESSES), "--rate-limit", "off")
    beat = ("--ping-interval", str(SILENT), "--ping-timeout", str(SILENT))
    return ("env", *settings, sys.executable, "-m", "app", "serve", *flags, *beat), PROJECT


@contextmanager
def _redis(folder: Path) -> Iterator[tuple[int, str]]:
    """Its process and its address."""
    found, port = redis_program("several processes are not measured"), free_port()
    flags = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no")
    process = subprocess.Popen([found, *flags], cwd=folder, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + REDIS_WITHIN_S
        while True:
            try:
                create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
        yield process.pid, f"redis://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _tree(pid: int) -> Iterator[int]:
    """A process and all that came of it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _spent(pid: int) -> float:
    return sum(spent_by(pid).values())
