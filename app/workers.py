"""Several processes that serve on one port: a parent that begins them, begins those anew that die, and ends them all.

    python -m app serve --workers 2             the parent, which imports little and begins these two
        python -m app serve --port=8000 ...
        python -m app serve --port=8000 ...

Each worker has a socket of its own on the port (SO_REUSEPORT): the kernel spreads connections over them, and those that
would have come to a worker that has died come to the others at once. They hear each other by Redis and the database, as
processes on other machines do; the parent carries nothing.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from app import config, process
from app.config import BadSetting, Settings

log = logging.getLogger("parlor.workers")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
STOP_TIMEOUT_S = 4.7  # for workers to end, which they do by themselves in 4.5 (ending.py); then they are killed
FIRST_DELAY_S, MAX_DELAY_S = 0.1, 30.0  # before a worker that has died begins anew; each time twice as long
PROVEN_S = 5.0  # a worker that has served for so long begins anew without delay
HANDED = "_PARLOR_WORKER"  # in a worker's environment: what its parent tells it


@dataclass(frozen=True)
class Worker:
    """What a worker knows of itself. number: from 1 on, the same after a restart. of: how many there are. folder: where
    they find each other, by sockets that are called after their numbers. again: it takes the place of one that served,
    and serves without what the first could not start without and can do without.
    """

    number: int
    of: int
    folder: str
    again: bool = False

    @classmethod
    def of_this_process(cls) -> Self | None:
        """None in a process that serves alone."""
        handed = os.environ.pop(HANDED, "")
        return cls(**json.loads(handed)) if handed else None

    def on_parent_gone(self, call: Callable[[], None]) -> None:
        """Once, when the other end of stdin has closed: the parent may have ended by SIGKILL."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            if not os.read(0, 1):
                loop.remove_reader(0)
                log.warning("the parent of this worker is gone")
                call()

        loop.add_reader(0, look)


def how_many(settings: Settings) -> tuple[int, str]:
    """Processes that are to serve, and a sentence where those are fewer than was asked for."""
    if settings.workers == 1:
        return 1, ""
    if not process.CAN_SHARE_PORT:
        return 1, f"PARLOR_WORKERS is {settings.workers}, but on this system several processes cannot share a port."
    if settings.database.startswith("sqlite:") and not settings.redis_url.get_secret_value():
        return 1, (
            f"PARLOR_WORKERS is {settings.workers}, but one process serves: people on several would not hear each "
            "other. With a database in a file that takes Redis (REDIS_URL)."
        )
    return settings.workers, ""


def arguments(flags: Mapping[str, Any]) -> list[str]:
    """Flags, as a command line has them."""
    return [f"{config.flag(name)}={value}" for name, value in flags.items() if value is not None]


class CannotStart(Exception):
    """A worker ended before it served for the first time, with this exit code; it has said why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Parent:
    """Of `count` workers with these flags."""

    def __init__(self, count: int, flags: Mapping[str, Any], folder: str) -> None:
        self._count, self._flags, self._folder = count, flags, folder
        self._stopped_by: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    async def run(self) -> int:
        """Serve until a signal comes; the exit code. One worker begins before the others: it brings the schema up to
        date, and if it cannot start, neither can they."""
        on_signals(self._stop)
        code = 0
        try:
            greeting = (await self._begin_all([1]))[0]
            await self._begin_all(range(2, self._count + 1))
            print(f"{greeting} - {self._count} workers", flush=True)
            await self._stopped_by
            log.info("stopping")
        except _Stopped:
            log.info("stopped before all workers served")
        except CannotStart as failure:
            code = 1
            if failure.code != 1:  # it has not said why
                log.error("Parlor cannot start: a worker %s", _how(failure.code))
            self._stop(signal.SIGTERM)
        await self._end()
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        return code

    async def _begin_all(self, numbers: Iterable[int]) -> list[str]:
        """Their greetings."""
        beginning = asyncio.gather(*(self._begin(number) for number in numbers))
        either: list[asyncio.Future[Any]] = [beginning, self._stopped_by]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped_by.done():
            beginning.cancel()
            with contextlib.suppress(asyncio.CancelledError, CannotStart):
                await beginning
            raise _Stopped
        begun = await beginning
        self._keepers += [asyncio.create_task(self._keep(number)) for number, _ in begun]
        return [greeting for _, greeting in begun]

    def _stop(self, number: int) -> None:
        if not self._stopped_by.done():
            self._stopped_by.set_result(number)

    async def _begin(self, number: int, again: bool = False) -> tuple[int, str]:
        """Returns once it serves: its number and its greeting. Raises CannotStart."""
        worker = Worker(number, self._count, self._folder, again)
        one = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve", *arguments(self._flags)),
            env=os.environ | {HANDED: json.dumps(asdict(worker))},
            stdin=asyncio.subprocess.PIPE,  # its other end closes when the parent is gone, however that ended
            stdout=asyncio.subprocess.PIPE,
        )
        self._running[number] = one
        assert one.stdout
        greeting = (await one.stdout.readline()).decode(errors="replace").rstrip("\n")
        if not greeting:
            raise CannotStart(await one.wait())
        return number, greeting

    async def _keep(self, number: int) -> None:
        """Begin it anew whenever it has ended."""
        delay, began = 0.0, time.monotonic()
        while True:
            how = _how(await self._running[number].wait())
            delay = 0.0 if time.monotonic() - began > PROVEN_S else min(MAX_DELAY_S, delay * 2 or FIRST_DELAY_S)
            log.warning("worker %d %s: it begins anew%s", number, how, f" in {delay:g} s" if delay else "")
            await asyncio.sleep(delay)
            began = time.monotonic()
            with contextlib.suppress(CannotStart):
                await self._begin(number, again=True)
                log.info("worker %d serves again", number)

    async def _end(self) -> None:
        """Pass the signal on, wait, and kill those that live on."""
        for keeper in self._keepers:
            keeper.cancel()
        number = self._stopped_by.result()
        _signal(self._running, number)
        waiting = {worker: asyncio.ensure_future(one.wait()) for worker, one in self._running.items()}
        if waiting:
            await asyncio.wait(waiting.values(), timeout=STOP_TIMEOUT_S)
        late = {worker: self._running[worker] for worker, ended in waiting.items() if not ended.done()}
        if late:
            log.error("killed, because they had not ended in %g s: workers %s", STOP_TIMEOUT_S, sorted(late))
            _signal(late, signal.SIGKILL)
            await asyncio.wait(waiting.values())


class _Stopped(Exception):
    """A signal came before all of them served."""


def _signal(running: Mapping[int, asyncio.subprocess.Process], number: int) -> None:
    for one in running.values():
        with contextlib.suppress(ProcessLookupError):
            one.send_signal(number)


def _how(code: int) -> str:
    """How a process ended, by its exit code."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def on_signals(stop: Callable[[int], None], at_once: Callable[[], None] = lambda: None) -> None:
    """Call `stop` with each stop signal that comes, and before that `at_once`, though the loop hang. Not by the loop's
    own handlers: closing the loop removes those, and the next SIGTERM would kill a process that is about to exit with
    0."""
    loop = asyncio.get_running_loop()

    def come(number: int, _frame: object) -> None:
        at_once()
        loop.call_soon_threadsafe(stop, number)

    for number in STOP_SIGNALS:
        if number not in (signal.SIGTERM, signal.SIGINT) and signal.getsignal(number) is signal.SIG_IGN:
            continue  # set by nohup: the server is to outlive its terminal
        signal.signal(number, come)


def reserve(settings: Settings) -> list[socket.socket]:
    """The port, on which nobody listens yet, for workers of ours alone. Raises BadSetting where it is taken."""
    try:
        free = process.bind(settings.addresses, settings.port)
        port = free[0].getsockname()[1]
        for one in free:
            one.close()
        return process.bind(settings.addresses, port, shared=True)
    except OSError as error:
        raise BadSetting(process.why_not_bound(settings.host, settings.port, error)) from None


def serve(settings: Settings, flags: dict[str, Any], count: int) -> int:
    """Until a stop signal; the exit code. Raises BadSetting."""
    with contextlib.ExitStack() as stack:
        reserved = reserve(settings)
        for one in reserved:
            stack.enter_context(one)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="parlor-", ignore_cleanup_errors=True))
        port = reserved[0].getsockname()[1]

        async def run() -> int:
            return await Parent(count, flags | {"port": port}, folder).run()

        return asyncio.run(run())
