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

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
CORES = sorted(os.sched_getaffinity(0))
SERVERS_CORE, LOAD_CORE = CORES[0], CORES[-1]

PARLOR, STOCK, NODE, BUN, PRICE = "Parlor", "stock python-socketio", "socket.io on Node", "socket.io on Bun", "C, epoll"
EVERYBODY = (PARLOR, STOCK, NODE, BUN, PRICE)
POLLED = (PARLOR, STOCK, NODE, BUN)

SILENT = 300  # seconds between heartbeats: a crowd does not answer while another one is measured
COMPLAINTS = re.compile(r"^Traceback|\b(ERROR|CRITICAL)\b", re.MULTILINE)
REST = 0.2  # seconds of doing next to nothing


class Server:
    """A process on the servers' core. `data` is the folder it stores in, if it does."""

    def __init__(self, name: str, command: tuple[str, ...], cwd: Path, data: Path) -> None:
        self.name, self.data, self._log = name, data, data.with_suffix(".log")
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
        return sum(self._threads().values())

    def cpu_beside(self) -> float:
        """The same, of all threads but the first. In Parlor these store and read, and do nothing else."""
        return sum(spent for thread, spent in self._threads().items() if thread != self.process.pid)

    def _threads(self) -> dict[int, float]:
        """Seconds, by thread."""
        spent: dict[int, float] = {}
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with suppress(FileNotFoundError):  # a thread that ended while we looked
                spent[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        return spent

    def rss(self) -> int:
        """Kilobytes."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1])

    def rests(self, patience: float = 20.0) -> None:
        """Wait until it is through with what came before, and does next to nothing for a moment."""
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


def _on_core() -> None:
    os.sched_setaffinity(0, {SERVERS_CORE})


@contextmanager
def running(names: Iterable[str] = EVERYBODY, ping: int = SILENT) -> Iterator[list[Server]]:
    """Fresh processes, those that can run here, in this order; `ping` seconds between heartbeats. A name may come
    twice. Parlor is as shipped, its rate limit out of the way."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parlor-bench-")))
        servers = []
        for nth, name in enumerate(names):
            data = folder / str(nth)
            if command := _command(name, ping, data):
                servers.append(Server(name, command, HERE if name in (NODE, BUN) else PROJECT, data))
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


def machine() -> dict[str, str | int]:
    """What the figures were measured on; no names, no paths."""
    found: dict[str, str | int] = {"cores": len(CORES), "kernel": os.uname().release, "python": sys.version.split()[0]}
    found["processor"] = _processor()
    found["storage"] = _output("stat", "-f", "-c", "%T", tempfile.gettempdir())
    if _node():
        found["node"] = _output("node", "--version")
    if bun := _bun():
        found["bun"] = _output(str(bun), "--version")
    return found


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else os.uname().machine


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
