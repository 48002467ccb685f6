"""The servers that are compared, each a process of its own on one core; what one costs is read from /proc."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SERVERS_CORE, LOAD_CORE = 0, 1


class Server:
    """A process that has said where it serves."""

    def __init__(self, name: str, *command: str, cwd: Path = PROJECT) -> None:
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=cwd, preexec_fn=_on_core)
        assert self.process.stdout
        found = re.search(r"serves http://[^:]+:(\d+)", self.process.stdout.readline())
        assert found, f"{name} did not start"
        self.port = int(found[1])

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its threads."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def rss(self) -> int:
        """Kilobytes."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found
        return int(found[1])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def _on_core() -> None:
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {SERVERS_CORE})


@contextmanager
def running(folder: Path) -> Iterator[list[Server]]:
    """Parlor as shipped, rate limits out of the way; stock python-socketio; the original on Node, if there is one."""
    flags = ("--host", "127.0.0.1", "--port", "0", "--data", str(folder), "--rate-limit", "off")
    flags += ("--ping-interval", "300")  # as the others: a crowd does not answer while another one is measured
    with ExitStack() as stack:
        servers = [Server("Parlor", sys.executable, "-m", "app", "serve", *flags)]
        stack.callback(servers[0].stop)
        servers.append(Server("stock python-socketio", sys.executable, "-m", "tests.bench.stock"))
        stack.callback(servers[1].stop)
        if shutil.which("node") and shutil.which("npm"):
            if not (HERE / "node_modules").exists():
                subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=HERE, check=True)
            servers.append(Server("socket.io on Node", "node", "original.mjs", cwd=HERE))
            stack.callback(servers[2].stop)
        else:
            print("NOT RUN: socket.io on Node, for there is no node or no npm")
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(0, {LOAD_CORE})
        yield servers
