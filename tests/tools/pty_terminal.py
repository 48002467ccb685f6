"""A program in a terminal of its own (a pty), which somebody types into and reads."""

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests.tools.terminal import ENDS_WITHIN, Shell

_ESCAPES = re.compile(rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|\x1b[@-Z\\-_=>]")
WHERE_IS_THE_CURSOR = b"\x1b[6n"  # a terminal answers that

ENTER, ESCAPE, TAB, CTRL_C, CTRL_D, UP = "\r", "\x1b", "\t", "\x03", "\x04", "\x1b[A"


def pasted(text: str) -> str:
    """As a terminal brings what was pasted into it (bracketed paste)."""
    return f"\x1b[200~{text}\x1b[201~"


class Pty:
    """`async with Pty(shell, "chat", url, ...) as terminal`. raw: all that came; text: without escape sequences."""

    def __init__(self, shell: Shell, *arguments: str, size: tuple[int, int] = (30, 100), **environment: str) -> None:
        self._shell, self._arguments, self._size = shell, arguments, size
        self._environment = {"TERM": "xterm-256color"} | environment
        self.raw = b""
        self._came = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._master, slave = pty.openpty()
        os.set_blocking(self._master, False)
        self.resize(*self._size)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *self._arguments),
            cwd=self._shell.folder,
            env=self._shell.environment(**self._environment),
            **dict.fromkeys(("stdin", "stdout", "stderr"), slave),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._process
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    @property
    def text(self) -> str:
        return _ESCAPES.sub(b"", self.raw).decode("utf-8", "replace").replace("\r", "")

    async def shows(self, wanted: str | Callable[[str], bool], after: str = "") -> str:
        """Wait until that is shown, behind the last `after`."""
        holds = wanted if callable(wanted) else lambda text: wanted in text
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                while after not in self.text or not holds(self.text.rpartition(after)[2] if after else self.text):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError:
            raise AssertionError(f"{wanted!r} is not in:\n{self.text}") from None
        return self.text

    async def ended(self) -> int:
        assert self._process
        async with asyncio.timeout(ENDS_WITHIN):
            return await self._process.wait()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            piece = os.read(self._master, 65_536)
            self.raw += piece
            for _ in range(piece.count(WHERE_IS_THE_CURSOR)):
                self.types(f"\x1b[{self._size[0]};1R")
        self._came.set()


def folder_of(path: Path) -> Shell:
    return Shell(path)
