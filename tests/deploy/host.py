"""A PaaS on one machine: what is pushed to it is checked, built, run, and takes the place of the version before."""

import asyncio
import contextlib
import json
import re
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from os import defpath
from pathlib import Path
from typing import Any, Literal, Self

import aiohttp

from tests.deploy.builds import BuildFailed, Builds
from tests.deploy.front import Front
from tests.deploy.rules import objections, processes
from tests.support.look import Where
from tests.support.process import free_port

HOOK = Path(__file__).with_name("hook.py")

Order = Literal["beside", "instead"]
Say = Callable[[str], None]

HEROKU_KILLS_AFTER = 30.0  # seconds from SIGTERM to SIGKILL
PIKU_REPEATS_AFTER, PIKU_KILLS_AFTER = 1.0, 3.0  # seconds from SIGTERM to the second one, and to SIGKILL


class Refused(Exception):
    """Why a push is not taken."""


@dataclass
class Release:
    """A version that runs, or ran. `disk` is its data folder, `code` its exit code."""

    commit: str
    port: int
    log: Path
    disk: Path
    process: asyncio.subprocess.Process
    code: int | None = None

    @property
    def url(self) -> str:
        """Past the router."""
        return f"http://127.0.0.1:{self.port}"

    async def health(self, path: str, timeout: float) -> dict[str, Any] | None:
        """What it answers a health check with; None where that is no 200."""
        within = aiohttp.ClientTimeout(total=timeout)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=within) as http,
                http.get(self.url + path) as answer,
            ):
                if answer.status == 200:
                    found: dict[str, Any] = await answer.json()
                    return found
        return None

    def faults(self) -> list[str]:
        """The lines of its log that tell of a fault of ours."""
        return [line for line in self.log.read_text().splitlines() if " ERROR " in line or "Traceback" in line]

    async def ended(self, within: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), within)
        return self.process.returncode is not None

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)


class Host:
    """`async with Host(folder, builds, "beside") as host`: push to `host.remote`, visit `host.url`.

    beside: the new version starts beside the old one, which is stopped once the new one answers (Heroku, Dokku): honcho
    runs the Procfile, SIGTERM goes to all of it. instead: the old one is stopped first (Piku): a shell runs the
    command, SIGTERM goes to that shell alone, twice. Both versions have the same data folder, unless there is a
    PostgreSQL (`DATABASE_URL`): then each has an empty disk.
    """

    def __init__(self, folder: Path, builds: Builds, order: Order, **settings: str) -> None:
        self.folder, self.builds, self.order, self.settings = folder, builds, order, settings
        self.remote, self.data = folder / "remote.git", folder / "data"
        self.database: Where = settings.get("DATABASE_URL") or self.data / "parlor.db"
        self.running: Release | None = None
        self.alive: list[Release] = []
        self.past: list[Release] = []
        self.meanwhile: Callable[[], Awaitable[None]] = _nothing  # before the old one of two that run is stopped
        self.front = Front()

    @property
    def url(self) -> str:
        return self.front.url

    async def __aenter__(self) -> Self:
        await self.front.__aenter__()
        self._listening = await asyncio.start_server(self._receive, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        self.data.mkdir(parents=True)
        await run("git", "init", "--quiet", "--bare", str(self.remote))
        words = [sys.executable, str(HOOK), str(port), str(self.folder / "checkouts")]
        file = self.remote / "hooks" / "pre-receive"
        file.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
        file.chmod(0o755)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for release in tuple(self.alive):
            await self._stop(release)
        await self.front.__aexit__()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pushed = json.loads(await reader.readline())
        try:
            await self._deploy(pushed["commit"], Path(pushed["folder"]))
            writer.write(b"accepted\n")
        except (Refused, BuildFailed) as refusal:
            writer.write(f"{refusal}\n".encode())
        finally:
            await writer.drain()
            writer.close()

    async def _deploy(self, commit: str, checkout: Path) -> None:
        if against := objections(checkout):
            raise Refused("\n".join(against))
        venv = await asyncio.to_thread(self.builds.venv, checkout / "requirements.txt")
        old = self.running
        if old and self.order == "instead":
            await self._stop(old)
        new = await self._start(commit, checkout, venv)
        self.running, self.front.leads_to = new, new.port
        if old and self.order == "beside":
            await self.meanwhile()
            await self._stop(old)

    async def restart(self) -> None:
        """The same version anew, as once a day."""
        assert self.running
        commit = self.running.commit
        await self._stop(self.running)
        checkout = self.folder / "checkouts" / commit
        venv = await asyncio.to_thread(self.builds.venv, checkout / "requirements.txt")
        self.running = await self._start(commit, checkout, venv)
        self.front.leads_to = self.running.port

    async def _start(self, commit: str, checkout: Path, venv: Path) -> Release:
        """Returns once it answers its health check, as app.json has it. Raises Refused where it never does."""
        port, log = free_port(), self.folder / f"{len(self.past)}-{commit}.log"
        disk = self.data if isinstance(self.database, Path) else self.folder / f"disk-{port}"
        environment = self.settings | {
            "PATH": f"{venv / 'bin'}:{defpath}",
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "DYNO": "web.1",
            "PYTHONUNBUFFERED": "1",
            "PARLOR_DATA": str(disk),
            "BIND_ADDRESS" if self.order == "instead" else "HOST": "127.0.0.1",
        }
        described = json.loads((checkout / "app.json").read_text())
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *self._command(checkout, port), cwd=checkout, env=environment, stdout=out, stderr=out
            )
        new = Release(commit, port, log, disk, process)
        self.alive.append(new)
        if not await _healthy(new, described["healthchecks"]["web"][0]):
            await self._stop(new)
            raise Refused(f"It does not answer its health check:\n{log.read_text()}")
        return new

    def _command(self, checkout: Path, port: int) -> list[str]:
        if self.order == "instead":
            return ["/bin/sh", "-c", dict(processes(checkout))["web"]]
        return [sys.executable, "-m", "honcho", "start", "--no-colour", "--port", str(port), "--concurrency", "web=1"]

    async def _stop(self, release: Release) -> None:
        release.signal(signal.SIGTERM)
        if self.order == "beside":
            gone = await release.ended(HEROKU_KILLS_AFTER)
        elif not (gone := await release.ended(PIKU_REPEATS_AFTER)):
            release.signal(signal.SIGTERM)
            gone = await release.ended(PIKU_KILLS_AFTER - PIKU_REPEATS_AFTER)
        if not gone:
            release.signal(signal.SIGKILL)
            await release.process.wait()
        release.code = self._exit_code(release)
        self.alive.remove(release)
        self.past.append(release)

    def _exit_code(self, release: Release) -> int | None:
        """honcho's own tells of the signal; that of the process it ran is in what it wrote."""
        if self.order == "instead":
            return release.process.returncode
        told = re.search(r"web\.1 stopped \(rc=(-?\d+)\)", release.log.read_text())
        return int(told[1]) if told else None


async def _healthy(release: Release, check: dict[str, Any]) -> bool:
    """Asks more often than the host would, and gives up when the host would."""
    patience: float = check["attempts"] * check["wait"]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while release.process.returncode is None:
                if await release.health(check["path"], check["timeout"]):
                    return True
                await asyncio.sleep(0.05)
    return False


async def _nothing() -> None:
    pass


async def run(*command: str, cwd: Path | None = None, **environment: str) -> tuple[int, str]:
    """Exit code and output of a command that ends by itself."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=environment or None, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()
