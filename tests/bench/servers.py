"""The servers that are compared, each a process of its own on one core; what one costs is read from /proc."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.support.look import Where

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
CORES = sorted(os.sched_getaffinity(0))
SERVERS_CORE, LOAD_CORE = CORES[0], CORES[-1]

PARLOR, STORED, NODE = "Parlor", "socket.io on Node with SQLite", "socket.io on Node"
STOCK, BUN, PRICE = "stock python-socketio", "socket.io on Bun", "C, epoll"
EVERYBODY = (PARLOR, STORED, NODE, BUN, STOCK, PRICE)
POLLED = (PARLOR, STORED, NODE, BUN, STOCK)

SILENT = 300  # seconds between heartbeats: a crowd does not answer while another one is measured
COMPLAINTS = re.compile(r"^Traceback|\b(ERROR|CRITICAL)\b", re.MULTILINE)
REST = 0.2  # seconds of doing next to nothing
DATABASES = {PARLOR: "parlor.db", STORED: "peer.db"}  # of those that store


class Server:
    """A process on the servers' core. `data` is the folder it stores in, if it does, `database` what it stores in.
    `keeps_order`: all members of a room hear the same."""

    keeps_order = True

    def __init__(self, name: str, command: tuple[str, ...], cwd: Path, data: Path) -> None:
        self.name, self.data, self._log = name, data, data.with_suffix(".log")
        self.database: Where | None = data / DATABASES[name] if name in DATABASES else None
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=cwd, preexec_fn=_on_core
            )

    def starts(self) -> None:
        """Wait until it says where it serves."""
        assert self.process.stdout
        found = re.search(r"serves http://[^:]+:(\d+)", self.process.stdout.readline())
        if not found:
            raise RuntimeError(f"{self.name} did not start: {self._log.read_text()[-1000:]}")
        self.port = int(found[1])

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads, user and system."""
        return sum(spent_by(self.process.pid).values())

    def cpu_beside(self) -> float:
        """The same, of all threads but the first. In Parlor these store and read, and do nothing else."""
        return sum(spent for thread, spent in spent_by(self.process.pid).items() if thread != self.process.pid)

    def rss(self) -> int:
        """Kilobytes."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1])

    def rests(self, patience: float = 20.0) -> None:
        """Wait until it is through with what came before, and does next to nothing for a moment."""
        if is_quick():
            return
        until = time.monotonic() + patience
        before, spent = -1.0, self.cpu()
        while spent - before > 0.02 * REST and time.monotonic() < until:
            time.sleep(REST)
            before, spent = spent, self.cpu()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        if COMPLAINTS.search(said := self._log.read_text()):
            print(f"{self.name} complained: {said[-2000:]}", file=sys.stderr, flush=True)


def spent_by(pid: int) -> dict[int, float]:
    """Seconds of processor time, user and system, by thread of a process."""
    spent: dict[int, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that ended while we looked
            spent[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return spent


def _on_core() -> None:
    os.sched_setaffinity(0, {SERVERS_CORE})


class _Pool:
    """Processes that were handed back, by name and seconds between heartbeats."""

    def __init__(self) -> None:
        self.idle: dict[tuple[str, int], list[Server]] = {}
        self.stack = ExitStack()

    def borrow(self, name: str, ping: int) -> list[Server]:
        """One, or none if it cannot run here."""
        if idle := self.idle.get((name, ping)):
            return [idle.pop()]
        return self.stack.enter_context(_started([name], ping))


_pool: _Pool | None = None


def is_quick() -> bool:
    """True while only the bench itself is tested: what the figures are does not matter."""
    return _pool is not None


@contextmanager
def quick() -> Iterator[None]:
    """Within, `running` hands out processes that were handed back, and nobody waits for a server to come to rest."""
    global _pool
    _pool = _Pool()
    with _pool.stack:
        yield
    _pool = None


@contextmanager
def running(names: Iterable[str], ping: int = SILENT, fresh: bool = False) -> Iterator[list[Server]]:
    """Processes of those that can run here, in this order, fresh ones unless `quick`; `ping` seconds between
    heartbeats. A name may come twice. Parlor is as shipped, its rate limit out of the way."""
    if _pool is None or fresh:
        with _started(names, ping) as servers:
            yield servers
        return
    borrowed = [server for name in names for server in _pool.borrow(name, ping)]
    yield borrowed
    for server in borrowed:
        _pool.idle.setdefault((server.name, ping), []).append(server)


@contextmanager
def _started(names: Iterable[str], ping: int) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parlor-bench-")))
        servers = []
        for nth, name in enumerate(names):
            data = folder / str(nth)
            if command := _command(name, ping, data):
                servers.append(Server(name, command, PROJECT if name in (PARLOR, STOCK) else HERE, data))
                stack.callback(servers[-1].stop)
        for server in servers:
            server.starts()
        os.sched_setaffinity(0, {LOAD_CORE})
        yield servers


def _command(name: str, ping: int, data: Path) -> tuple[str, ...] | None:
    """None where it cannot run."""
    if name == PARLOR:
        flags = ("--host", "127.0.0.1", "--port", "0", "--data", str(data), "--rate-limit", "off")
        beat = ("--ping-interval", str(ping), "--ping-timeout", str(ping))
        return (sys.executable, "-m", "app", "serve", *flags, *beat)
    if name == STOCK:
        return (sys.executable, "-m", "tests.bench.stock", str(ping))
    if name == STORED:
        return ("node", "stored.mjs", str(ping * 1000), str(data)) if _node() and _better_sqlite3() else None
    if name == NODE:
        return ("node", "original.mjs", str(ping * 1000)) if _node() else None
    if name == BUN:
        return (str(bun), "bun.mjs", str(ping * 1000)) if (bun := _bun()) else None
    return (str(price), str(ping)) if (price := _price()) else None


@cache
def _node() -> bool:
    if not shutil.which("node") or not shutil.which("npm"):
        return _not_run(NODE, "there is no node or no npm")
    return _packages() or _not_run(NODE, "npm could not install tests/bench/package-lock.json")


@cache
def _better_sqlite3() -> bool:
    """Optional: npm builds it from its source where it has no binary for this machine."""
    tried = subprocess.run(("node", "--eval", "require('better-sqlite3')"), cwd=HERE, capture_output=True, check=False)
    return not tried.returncode or _not_run(STORED, "the npm package better-sqlite3 does not install here")


@cache
def _bun() -> Path | None:
    found = HERE / "node_modules" / ".bin" / "bun"
    if shutil.which("npm") and _packages() and found.exists():
        tried = subprocess.run([found, "--version"], capture_output=True, check=False)
        if tried.returncode == 0:
            return found
    _not_run(BUN, "the npm packages bun and @socket.io/bun-engine do not install here")
    return None


@cache
def _packages() -> bool:
    """What package-lock.json pins, installed if it is not or if it has changed."""
    installed, lock = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return True
    command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=HERE, check=False).returncode == 0


_built = tempfile.TemporaryDirectory(prefix="parlor-bench-price-")


@cache
def _price() -> Path | None:
    if not (compiler := shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")):
        _not_run(PRICE, "there is no C compiler")
        return None
    made = Path(_built.name) / "price"
    subprocess.run([compiler, "-O2", "-o", str(made), str(HERE / "price.c")], check=True)
    return made


def _not_run(name: str, why: str) -> bool:
    print(f"NOT RUN: {name}, for {why}", file=sys.stderr, flush=True)
    return False


def machine(servers: Iterable[str]) -> dict[str, str | int]:
    """What the figures of these servers were measured on; no names, no paths."""
    found: dict[str, str | int] = {"cores": len(CORES), "kernel": os.uname().release, "python": sys.version.split()[0]}
    found["processor"] = _processor()
    found["storage"] = _output("stat", "-f", "-c", "%T", tempfile.gettempdir())
    if NODE in servers:
        found["node"] = _output("node", "--version")
    if BUN in servers and (bun := _bun()):
        found["bun"] = _output(str(bun), "--version")
    return found


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else os.uname().machine


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
