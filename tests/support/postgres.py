"""A real PostgreSQL cluster in a temporary folder, for the tests of one worker. Debian's package is enough; the cluster
that it makes by itself is not needed. POSTGRES_BIN in the environment names the programs of another version."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg

from app.store.postgres import PostgreSQL
from app.store.tables import metadata
from tests.support.need import require
from tests.support.process import free_port

PASSWORD = "it's @ secret/%"  # with what has to be written in percents
QUOTED = "it%27s%20%40%20secret%2F%25"
USER = "postgres"  # of the system, where we are root: PostgreSQL refuses to run as root
SHARED = Path(os.environ["TESTS_SHARED"]) if "TESTS_SHARED" in os.environ else None  # a folder of tests/__main__.py
OPTIONS = {
    "fsync": "off",  # a process that is killed loses nothing by it
    "max_connections": "60",
    "shared_buffers": "16MB",
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "dynamic_shared_memory_type": "mmap",  # files of its folder: others outlive a server that is killed
}


def programs() -> Path:
    """The folder of initdb and postgres: POSTGRES_BIN of the environment, else of the newest version that is
    installed."""
    if named := os.environ.get("POSTGRES_BIN"):
        assert (Path(named) / "initdb").exists(), f"POSTGRES_BIN={named} has no initdb"
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    where = found[-1].parent if found else Path(on_path).parent if on_path else None
    require(where, "postgresql is not installed: what Parlor does with PostgreSQL cannot be tested without")
    return Path(str(where))


class Cluster:
    """One server process; it can be stopped and begun again at the same port, or killed."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder, self.port, self.bin = folder, free_port(), programs()
        self.options = OPTIONS | options
        self._names = count()
        self._free: list[str] = []  # databases with our tables
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """As a copy of the first one of this run of the tests, whichever worker has made that: initdb takes a second of
        the processor."""
        if SHARED is None:
            return self._init()
        first = SHARED / "postgres"
        self._own(self.folder.parent)
        with (SHARED / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not first.exists():
                self._init()
                return _copy(self.folder, first)
        return _copy(first, self.folder)

    def _init(self) -> None:
        password = self.folder.parent / "password"
        password.write_text(PASSWORD)
        self._own(self.folder.parent)
        self._run(
            *("initdb", "--no-sync", "--no-locale", "-E", "UTF8", "-U", "parlor", "-D", str(self.folder)),
            *("-A", "scram-sha-256", "--pwfile", str(password)),
        )

    def copy(self, folder: Path) -> "Cluster":
        """A standby of this one, which follows it."""
        twin = Cluster(folder)
        self._run(*("pg_basebackup", "-d", self.url("postgres"), "-D", str(folder), "-R", "-c", "fast", "--no-sync"))
        return twin

    def begin(self) -> Self:
        """Returns once it takes connections."""
        options = [part for name, value in self.options.items() for part in ("-c", f"{name}={value.strip(chr(39))}")]
        log = (self.folder.parent / "log").open("ab")
        self._process = subprocess.Popen(
            [self.bin / "postgres", "-D", self.folder, "-p", str(self.port), *options],
            stdout=log,
            stderr=log,
            **self._user(),
        )
        log.close()
        for _ in range(600):
            is_ready = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
            if subprocess.run(is_ready, check=False).returncode == 0:
                return self
            assert self._process.poll() is None, (self.folder.parent / "log").read_text()
        raise AssertionError((self.folder.parent / "log").read_text())

    @property
    def pid(self) -> int:
        """Of its first process."""
        assert self._process
        return self._process.pid

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-D", str(self.folder), "-w")

    def send_signal(self, number: signal.Signals) -> None:
        """To the server and all its processes."""
        assert self._process
        for pid in [*self._children(), self._process.pid]:
            os.kill(pid, number)

    def _children(self) -> list[int]:
        assert self._process
        pid = self._process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        """SIGKILL, all its processes: a new one does not begin while one of them has the shared memory."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGSTOP)  # it begins no more of them
        children = self._children()
        for pid in [*children, self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(30)
        self._process = None
        while any(map(_lives, children)):
            time.sleep(0.01)

    def url(self, database: str, user: str = "parlor", password: str = QUOTED) -> str:
        return f"postgres://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        with psycopg.connect(self.url(database), autocommit=True) as db:
            cursor = db.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def database(self, encoding: str = "UTF8") -> str:
        """The URL of a new one, with nothing in it."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'")
        return self.url(name)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """The URL of one that has our tables, and nothing in them. To make one takes longer than most tests."""
        if not self._free:
            self._free.append(self.database())
            made = PostgreSQL(self._free[-1], lambda _epoch: None)
            made.start()
            made.close()
        url = self._free.pop()
        name = url.rpartition("/")[-1]
        self.execute(f"TRUNCATE {', '.join(metadata.tables)}", name)
        yield url
        self.disconnect(name)
        self._free.append(url)

    def disconnect(self, database: str) -> None:
        """Everybody who is in it."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.bin / program, *arguments], capture_output=True, text=True, check=False, **self._user()
        )
        assert done.returncode == 0, done.stderr

    def _own(self, folder: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
            for one in folder.iterdir():
                shutil.chown(one, USER)

    def _user(self) -> dict[str, Any]:
        return {"user": USER, "group": USER, "extra_groups": [], "cwd": "/"} if os.geteuid() == 0 else {}


def _copy(source: Path, target: Path) -> None:
    """With its owner."""
    subprocess.run(["cp", "-a", source, target], check=True)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[-1].split()[0] != "Z"
    except OSError:
        return False


@contextmanager
def cluster(**options: str) -> Iterator[Cluster]:
    """A new one, which is gone afterwards."""
    programs()
    folder = Path(tempfile.mkdtemp(prefix="parlor-postgres-"))
    one = Cluster(folder / "data", **options)
    try:
        one.make()
        yield one.begin()
    finally:
        one.kill()
        shutil.rmtree(folder, ignore_errors=True)
