"""A thread that runs what it is handed, one call after the other. An executor's future and its locks cost as much as
half of a small commit."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger("parlor.store")


class Worker:
    """The thread starts with the first call. It is a daemon thread: `finish` waits for all that was submitted."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """From one thread alone."""
        if self._thread.ident is None:
            self._thread.start()
        self._calls.put((function, args))

    def finish(self) -> None:
        """Wait until all that was submitted is done."""
        if self._thread.ident is not None:
            self._calls.put(None)
            self._thread.join()

    def _run(self) -> None:
        while call := self._calls.get():
            function, args = call
            try:
                function(*args)
            except Exception:  # nobody waits for it here
                log.exception("the worker %s failed", self._thread.name)
            del call, function, args  # not kept alive while it waits
