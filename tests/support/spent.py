"""The processor's time that something takes."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Spent:
    """seconds: of this thread, once it is done."""

    seconds = 0.0


@contextmanager
def measured() -> Iterator[Spent]:
    """Without a look through all that the tests before have left (Python's garbage collector), which alone takes a
    second in a process that has run a thousand of them."""
    found, was_on = Spent(), gc.isenabled()
    gc.disable()
    began = time.thread_time()
    try:
        yield found
    finally:
        found.seconds = time.thread_time() - began
        if was_on:
            gc.enable()
