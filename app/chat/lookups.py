"""Threads for calls that may hang: names are looked up in them. A name server that does not answer holds its thread for
half a minute. The end of the process waits for the threads of a `ThreadPoolExecutor`, and not for these.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

Call = tuple[Future[Any], Callable[[], Any]]


class LookupThreads(Executor):
    """most: threads, of which one begins with each call until there are so many."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._calls: SimpleQueue[Call | None] = SimpleQueue()
        self._begun = 0

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """From one thread alone."""
        future = Future[T]()
        self._calls.put((future, partial(function, *args, **kwargs)))
        if self._begun < self._most:
            self._begun += 1
            threading.Thread(target=self._run, name=f"{self._name}-{self._begun}", daemon=True).start()
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Nobody waits for what waits or is under way; what waits is not begun. Nothing may be submitted any more."""
        while True:
            try:
                call = self._calls.get_nowait()
            except Empty:
                break
            if call:
                call[0].cancel()
        for _ in range(self._begun):
            self._calls.put(None)

    def _run(self) -> None:
        while call := self._calls.get():
            future, work = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del call, future, work  # not kept alive while it waits
