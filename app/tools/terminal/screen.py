"""Lines in and lines out. The screen of this file moves no cursor and repeats nothing: for screen readers and pipes."""

import asyncio
import getpass
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol

from app.tools.terminal.shown import Fragments, unstyled
from app.tools.terminal.site import lines_of_stdin

LEAVE_WITHIN_S = 2.0  # between the first and the second Ctrl+C
LEAVE_HINT = "Ctrl+C once more leaves; so does /quit."


class Screen(Protocol):
    """echoes: what is typed stays on the screen, so one's own messages need not be shown again."""

    echoes: bool

    def lines(self) -> AsyncIterator[str]:
        """What is typed, until somebody wants to leave. A text that was pasted may have several lines."""
        ...

    def show(self, *lines: Fragments) -> None: ...

    def ring(self) -> None: ...

    def put_back(self, text: str) -> None:
        """It could not be done: it is there to be typed on."""
        ...

    def refresh(self) -> None:
        """The status is another."""
        ...

    async def secret(self, question: str) -> str | None:
        """What is typed without being shown; None where that cannot be asked now."""
        ...

    async def finish(self) -> None:
        """Returns when all is shown."""
        ...


class Leaving:
    """Ctrl+C twice."""

    def __init__(self) -> None:
        self._at: float | None = None

    def is_meant(self) -> bool:
        """Count one more; True where it is the second within a short time."""
        now, before = asyncio.get_running_loop().time(), self._at
        self._at = now
        return before is not None and now - before < LEAVE_WITHIN_S


class PlainScreen:
    echoes = True

    def __init__(self) -> None:
        self._reads = False

    async def lines(self) -> AsyncIterator[str]:
        self._reads = True
        leaving, gone = Leaving(), asyncio.Event()

        def interrupt() -> None:
            if leaving.is_meant():
                gone.set()
            else:
                self.show([("", LEAVE_HINT)])

        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
        async for line in _until(gone, lines_of_stdin()):
            yield line.decode("utf-8", "replace")

    def show(self, *lines: Fragments) -> None:
        print(unstyled(lines), flush=True)

    def ring(self) -> None:
        if sys.stdout.isatty():
            print("\a", end="", flush=True)

    def put_back(self, text: str) -> None:
        """It stands above."""

    def refresh(self) -> None:
        """There is no line for it."""

    async def secret(self, question: str) -> str | None:
        if self._reads or not sys.stdin.isatty():
            return None
        return await asyncio.to_thread(getpass.getpass, f"{question} ")

    async def finish(self) -> None:
        pass


async def _until(gone: asyncio.Event, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    ending = asyncio.ensure_future(gone.wait())
    while True:
        coming = asyncio.ensure_future(anext(lines, None))
        await asyncio.wait([coming, ending], return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            coming.cancel()
            return
        if (line := coming.result()) is None:
            ending.cancel()
            return
        yield line


def is_plain_terminal() -> bool:
    """The cursor cannot be moved there."""
    both = sys.stdin.isatty() and sys.stdout.isatty()
    return not both or os.environ.get("TERM", "") in ("", "dumb")
