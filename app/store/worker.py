"""A thread that does what it is handed, one thing after the other. An executor's future, and its locks, cost as much as
half of a small commit."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

log = logging.getLogger("parlor.store")


class Worker:
    """Begun with the first thing that it is handed. It keeps no process from its end: who needs all done calls
    `finish`."""

    def __init__(self, name: str) -> None:
        self._handed: SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def hand(self, do: Callable[..., object], *args: Any) -> None:
        """Called by one thread alone."""
        if self._thread.ident is None:
            self._thread.start()
        self._handed.put((do, args))

    def finish(self) -> None:
        """Wait until all is done that was handed over."""
        if self._thread.ident is not None:
            self._handed.put(None)
            self._thread.join()

    def _work(self) -> None:
        while handed := self._handed.get():
            do, args = handed
            try:
                do(*args)
            except Exception:  # nobody waits for it here
                log.exception("the worker %s failed", self._thread.name)
            del handed, do, args  # not kept while it waits
