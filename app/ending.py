"""The end of the process after a signal, which nothing keeps from coming: no task that cannot be cancelled, no thread
that hangs in a call (a disk that does not answer, say), no loop that stands still. Whatever was acked is committed
before it is acked, so that nothing is lost by an end in the middle of something.
"""

import asyncio
import faulthandler
import io
import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

log = logging.getLogger("parlor")

LIMIT_S = 4.5  # from the signal to the end, without the time for which others had the processor
MOST_S = 9.0  # with it: hosts kill after 10 s
LOOK_S = 0.1
LAST_RESORT_S = 0.6  # after that, where not even Python goes on
MAX_PLACES = 50  # of tasks that are told of
MAX_FRAMES = 12  # of each


class Ending:
    """Of this process, whose loop is `loop`. code: with which it is ended where it does not end by itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.code = 0
        self._loop = loop
        self._has_begun = False

    def begin(self) -> None:
        """Its time begins, once. Called by the handler of a signal, for a loop that hangs calls nothing."""
        if self._has_begun:
            return
        self._has_begun = True
        with suppress(OSError, ValueError, RuntimeError, io.UnsupportedOperation):  # stderr may be anything
            faulthandler.dump_traceback_later(MOST_S + LAST_RESORT_S, exit=True)
        threading.Thread(target=self._wait, name="parlor-end", daemon=True).start()

    def _wait(self) -> None:
        began, starved_before = time.monotonic(), starved()
        while (passed := time.monotonic() - began) < MOST_S and passed - (starved() - starved_before) < LIMIT_S:
            time.sleep(LOOK_S)
        log.error("it had not ended %.1f s after the signal, and is ended now. It did: %s", passed, doing(self._loop))
        os._exit(self.code)


def starved() -> float:
    """Seconds for which the main thread was ready to run and others had the processor (schedstats of Linux; elsewhere
    0)."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def doing(loop: asyncio.AbstractEventLoop) -> str:
    """Where each thread and each task is, the innermost call first. From any thread."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    frames = sys._current_frames()
    told = [f"thread {names.get(id, id)}: {_calls(_outwards(frame))}" for id, frame in frames.items()]
    with suppress(RuntimeError):  # they change meanwhile
        places = Counter(_calls(_inwards(task.get_coro())) for task in asyncio.all_tasks(loop))
        told += (f"{count} task{'s' * (count > 1)}: {place}" for place, count in places.most_common(MAX_PLACES))
    return "; ".join(told)


def _calls(frames: Iterator[FrameType]) -> str:
    some = islice(frames, MAX_FRAMES)
    return " < ".join(f"{Path(one.f_code.co_filename).name}:{one.f_lineno} {one.f_code.co_name}" for one in some)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _inwards(work: Any) -> Iterator[FrameType]:
    """The frames of a coroutine that waits, and of those that it waits for; the innermost first."""
    found: list[FrameType] = []
    while (frame := getattr(work, "cr_frame", None) or getattr(work, "gi_frame", None)) is not None:
        found.append(frame)
        work = getattr(work, "cr_await", None) or getattr(work, "gi_yieldfrom", None)
    yield from reversed(found)
