"""Connections to a database server, for threads that each need one at a time.

They are opened by a thread of their own, so that nobody waits for a host that does not answer: while none can be
opened, whoever asks is refused at once. A database that is far away or busy may take seconds for each connection and is
waited for; all who wait count from the same moment, so that nobody queues behind a host that has answered nobody. A
connection that is not given back in time is cut off by another thread: a server that hangs answers no cancel request,
and the kernel keeps its connection alive.
"""

import contextlib
import logging
import math
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.model import Refused, Sentence
from app.store.engine import RETRY_AFTER

log = logging.getLogger("parlor.store")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0  # between two attempts to connect
PATIENCE_S = 4.0  # to wait for the next connection, from when it began to be opened
LAST_WORD_S = 0.5  # after the deadline, for what begins then: it may be quick
LOOK_S = 0.1  # between two looks at connections that are in use


class Pool:
    """connect(): opens one more. Raises Refused. most: how many are open at once."""

    def __init__(self, connect: Callable[[], Connection], most: int) -> None:
        self._connect, self._most = connect, most
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._used: dict[Connection, tuple[Any, float, float]] = {}  # the driver's connection; since when, until when
        self._cut: set[Any] = set()  # the driver's connections that took too long
        self._waiting = 0
        self._opening_since: float | None = None  # when one was needed that is not open yet
        self._failure: Refused | None = None  # of the last attempt to connect
        self._deadline = math.inf  # on the monotonic clock
        self._is_closed = False
        self._has_started = False

    @contextlib.contextmanager
    def connection(self, limit: float) -> Iterator[Connection]:
        """One for this thread, cut off after `limit` seconds. Raises Refused where there is none. One that is lost
        takes the idle ones along: what ended it ended them, too."""
        db = self._take(limit)
        driver = self._used[db][0]
        try:
            yield db
        except DBAPIError as error:
            if driver in self._cut:
                raise _no_answer() from error
            raise
        finally:
            self._cut.discard(driver)
            is_whole = not driver.closed and driver.info.transaction_status == 0
            with self._changed:
                del self._used[db]
                if is_whole and not self._is_closed:
                    self._idle.append(db)
                if self._waiting:
                    self._changed.notify_all()
            if not is_whole or self._is_closed:
                _close(db)
            if driver.closed:
                self.renew()

    def renew(self) -> None:
        """Close what is idle: it may lead to a server that is not the right one any more."""
        with self._changed:
            idle, self._idle = self._idle, []
        for db in idle:
            _close(db)

    def set_deadline(self, seconds: float) -> None:
        """From then on nobody waits, and what is not done in a moment is cut off."""
        with self._changed:
            self._deadline = min(self._deadline, time.monotonic() + seconds)
            self._changed.notify_all()

    def close(self) -> None:
        """Nobody may be using a connection any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self.renew()

    # --- for whoever needs one ---

    def _take(self, limit: float) -> Connection:
        began = time.monotonic()
        with self._changed:
            self._start()
            self._waiting += 1
            try:
                if not self._idle:
                    self._changed.notify_all()
                while not self._idle:
                    self._wait(began)
            finally:
                self._waiting -= 1
            db, now = self._idle.pop(), time.monotonic()
            self._used[db] = db.connection.dbapi_connection, now, now + limit
            return db

    def _wait(self, began: float) -> None:
        """For a connection. Raises Refused."""
        if self._failure:
            raise Refused(self._failure.code, self._failure.text, **self._failure.extra)
        since = began if self._opening_since is None else self._opening_since
        rest = min(since + PATIENCE_S, max(self._deadline, began + LAST_WORD_S)) - time.monotonic()
        if rest <= 0 or self._is_closed:
            raise _no_answer()
        self._changed.wait(rest)

    def _start(self) -> None:
        if not self._has_started:
            self._has_started = True
            for name, work in (("open", self._open_more), ("watch", self._watch)):
                threading.Thread(target=work, name=f"parlor-{name}", daemon=True).start()

    # --- threads of its own ---

    def _open_more(self) -> None:
        pause = 0.0
        while self._wait_for_need():
            try:
                db = self._connect()
            except Exception as error:
                if not isinstance(error, Refused):
                    log.exception("could not connect")
                refusal = error if isinstance(error, Refused) else _no_answer()
                self._failed(refusal if pause else None, pause)  # the first one may be chance: once more at once
                pause = min(max(2 * pause, FIRST_PAUSE_S), LONGEST_PAUSE_S)
                continue
            pause = 0.0
            with self._changed:
                self._failure = self._opening_since = None
                if not self._is_closed:
                    self._idle.append(db)
                self._changed.notify_all()
            if self._is_closed:
                _close(db)

    def _wait_for_need(self) -> bool:
        """Until somebody waits for one more, or none could be opened at the last attempt. False: nobody ever will."""

        def is_needed() -> bool:
            is_missing = self._waiting > len(self._idle) and len(self._idle) + len(self._used) < self._most
            return self._is_closed or is_missing or self._failure is not None

        with self._changed:
            self._changed.wait_for(is_needed)
            if self._opening_since is None:
                self._opening_since = time.monotonic()
            return not self._is_closed

    def _failed(self, refusal: Refused | None, pause: float) -> None:
        with self._changed:
            self._failure = refusal
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closed, pause * random.uniform(0.5, 1))  # noqa: S311

    def _watch(self) -> None:
        """Cut off what takes too long."""
        while not self._is_closed:
            time.sleep(LOOK_S)
            with self._changed:
                for driver, since, until in self._used.values():
                    if time.monotonic() > min(until, max(self._deadline, since + LAST_WORD_S)):
                        self._cut.add(driver)
                        _cut(driver)


def _no_answer() -> Refused:
    text = Sentence("The message store does not answer just now. Nothing that was confirmed is lost.")
    return Refused("storage", text, retry_after=RETRY_AFTER)


def _close(db: Connection) -> None:
    with contextlib.suppress(Exception):  # it may be in any state
        db.invalidate()
    with contextlib.suppress(Exception):
        db.close()


def _cut(driver: Any) -> None:
    """Whoever reads from it finds its end."""
    with contextlib.suppress(Exception), socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as twin:
        twin.shutdown(socket.SHUT_RDWR)
