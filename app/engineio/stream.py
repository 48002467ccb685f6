"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): an answer to a GET that goes on
until either side ends it. Its end is that of the connection, which HTTP/1.0 and every proxy understand."""

from collections.abc import Callable

from app.engineio.heartbeat import Deadlines
from app.engineio.http import HttpConnection, begin_stream, end_stream
from app.engineio.writer import waiting_bytes

COMMENT_S = 15.0  # between two comments, so that no proxy takes a silent stream for dead
COMMENT = b": still here\n\n"
BEHIND_BYTES = 65_536  # beyond which asyncio tells when the peer has taken what waits
HEADERS = "Content-Type: text/event-stream; charset=UTF-8\r\nX-Accel-Buffering: no\r\n"


def event(name: str, data: str, id: str = "") -> bytes:
    """One event; data: a text without line breaks."""
    line = f"id: {id}\n" if id else ""
    return f"event: {name}\n{line}data: {data}\n\n".encode()


class EventStream:
    """One stream, of a request that waits for its answer. comments: that keep it alive where nothing else does."""

    def __init__(self, connection: HttpConnection, comments: "Comments | None" = None) -> None:
        self._connection, self._comments = connection, comments
        self._on_end: list[Callable[[], object]] = []
        self._is_open = True
        connection.on_lost = self._lost

    def on_end(self, call: Callable[[], object]) -> None:
        """To be called when it has ended, or now if it has."""
        if self._is_open:
            self._on_end.append(call)
        else:
            call()

    def begin(self, headers: str, limit: int) -> None:
        """headers: whole lines, besides those of every stream. limit: bytes that may wait for a slow reader."""
        private = headers.replace("Cache-Control: no-store\r\n", "Cache-Control: no-store, no-transform\r\n")
        begin_stream(self._connection, (HEADERS + private).encode(), limit)
        if self._comments:
            self._comments.add(self)

    @property
    def is_open(self) -> bool:
        return self._is_open

    @property
    def is_behind(self) -> bool:
        """True while its reader has much to take of what was sent in earlier ticks; `on_writable` is called when it
        has."""
        return waiting_bytes(self._connection.transport) > BEHIND_BYTES

    @property
    def buffered(self) -> int:
        """Bytes that wait for the reader."""
        return self._connection.writer.buffered

    def on_too_slow(self, call: Callable[[], None]) -> None:
        """To be called before a reader that leaves too much waiting is cut off."""
        self._connection.writer.on_too_slow = call

    def on_writable(self, call: Callable[[], None]) -> None:
        self._connection.writer.on_writable = call

    def send(self, data: bytes) -> None:
        if self._is_open:
            self._connection.writer.send(data)

    def comment(self) -> None:
        self.send(COMMENT)

    def answer(self, status: int, headers: str, body: bytes = b"") -> None:
        """An answer that is none, in its place. headers: whole lines."""
        if self._is_open:
            self._lost()
            self._connection.answer(status, headers.encode(), body)

    def end(self) -> None:
        if self._is_open:
            end_stream(self._connection)
            self._lost()

    def abort(self) -> None:
        """Cut the connection now."""
        self._connection.transport.abort()

    def _lost(self) -> None:
        if self._is_open:
            self._is_open = False
            self._connection.on_lost = self._connection.writer.on_writable = None
            if self._comments:
                self._comments.discard(self)
            for call in self._on_end:
                call()


class Comments:
    """Keeps streams alive: a comment in each of them at intervals."""

    def __init__(self, seconds: float | None = None) -> None:
        self._deadlines = Deadlines[EventStream](COMMENT_S if seconds is None else seconds, self._due)

    def add(self, stream: EventStream) -> None:
        self._deadlines.add(stream)

    def discard(self, stream: EventStream) -> None:
        self._deadlines.discard(stream)

    def _due(self, stream: EventStream) -> None:
        if stream.is_open:
            stream.comment()
            self._deadlines.add(stream)
