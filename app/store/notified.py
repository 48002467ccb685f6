"""One connection to PostgreSQL by which a thread sends and hears notifications, and waits for neither for ever.

The driver's own calls wait as long as the server takes, and a server that hangs takes for ever: here the thread waits
for the socket, and goes by libpq's calls that do not block (libpq, "Asynchronous Command Processing").
"""

import contextlib
import math
import selectors
import socket
import time
from typing import Any

import psycopg
from psycopg.pq import ExecStatus

ANSWER_S = 5.0  # for the server to answer

Notification = tuple[bytes, bytes]  # its channel and its payload


class Bell:
    """Wakes a thread that waits for sockets."""

    def __init__(self) -> None:
        self._cord, self._bell = socket.socketpair()
        for one in (self._cord, self._bell):
            one.setblocking(False)

    def fileno(self) -> int:
        return self._bell.fileno()

    def ring(self) -> None:
        with contextlib.suppress(OSError):  # it rings still, or is gone
            self._cord.send(b"!")

    def silence(self) -> None:
        with contextlib.suppress(OSError):
            self._bell.recv(4096)

    def close(self) -> None:
        self._cord.close()
        self._bell.close()


class NotifiedConnection:
    """driver: the driver's, outside of a transaction; it belongs to one thread, which the bell wakes. Methods raise
    psycopg.Error where the connection is lost, and TimeoutError where the server does not answer."""

    def __init__(self, driver: "psycopg.Connection[Any]", bell: Bell) -> None:
        self._driver, self._libpq, self._bell = driver, driver.pgconn, bell
        self._come: list[Notification] = []
        self._sockets = selectors.DefaultSelector()
        self._sockets.register(self._libpq.socket, selectors.EVENT_READ)
        self._sockets.register(bell, selectors.EVENT_READ)

    def close(self) -> None:
        self._sockets.close()
        self._driver.close()

    def ask(self, statement: str, *values: str) -> None:
        """Returns once it is done; an answer is not wanted."""
        until = time.monotonic() + ANSWER_S
        self._libpq.send_query_params(statement.encode(), [value.encode() for value in values])
        while self._libpq.flush():  # libpq, "PQflush": it may have to read before the server reads on
            self._await_server(until, selectors.EVENT_READ | selectors.EVENT_WRITE)
            self._read()
        while True:
            self._read()
            while not self._libpq.is_busy():
                answer = self._libpq.get_result()
                if answer is None:
                    return
                if answer.status == ExecStatus.FATAL_ERROR:
                    raise psycopg.OperationalError(answer.get_error_message())
            self._await_server(until)

    def come(self) -> list[Notification]:
        """What has come since the last call; does not wait."""
        self._read()
        come, self._come = self._come, []
        return come

    def hears(self, channel: str, seconds: float) -> bool:
        """True as soon as a notification comes on this channel. What comes on others meanwhile is dropped."""
        until = time.monotonic() + seconds
        while not any(name == channel.encode() for name, _ in self.come()):
            rest = until - time.monotonic()
            if rest <= 0:
                return False
            self.wait(rest)
        return True

    def wait(self, seconds: float, events: int = selectors.EVENT_READ) -> None:
        """For the server, or for the bell; it may be for less."""
        self._sockets.modify(self._libpq.socket, events)
        self._sockets.select(None if seconds == math.inf else max(0.0, seconds))
        self._bell.silence()

    def _await_server(self, until: float, events: int = selectors.EVENT_READ) -> None:
        rest = until - time.monotonic()
        if rest <= 0:
            raise TimeoutError(f"the server has not answered for {ANSWER_S:g} s")
        self.wait(rest, events)

    def _read(self) -> None:
        """All that is there: with TLS some of it may be in the library, and not in the socket any more."""
        while True:
            self._libpq.consume_input()
            before = len(self._come)
            while found := self._libpq.notifies():
                self._come.append((found.relname, found.extra))
            if len(self._come) == before:
                return
