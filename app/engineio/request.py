"""Requests of HTTP/1.1 (RFC 9112), parsed by llhttp with none of its lenient flags."""

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote_plus

import httptools

MAX_HEAD = 16_384  # bytes of a request's line and headers
MAX_HEADERS = 128
MAX_PARSED = 64  # requests that wait; what is behind them is parsed in its turn
SLICE = 16_384  # bytes that are parsed in one go
OVERHEAD = 512  # bytes of memory that a request takes besides what it says
# Where two of one of these differ, two servers may take the request for two different ones (RFC 9110, 5.3).
SINGLE = frozenset(
    (b"content-length", b"content-type", b"host", b"max-forwards", b"server", b"transfer-encoding", b"user-agent")
)
TOKENS = frozenset((b"connection", b"expect", b"transfer-encoding", b"upgrade"))  # lists of names, in ASCII

Headers = list[tuple[bytes, bytes]]


class BadRequest(Exception):
    """The connection cannot go on: what arrived is no request, or too large a one."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True, eq=False)
class Request:
    """What a client asks. `target` and `headers` are bytes as they came, `named` is the first value of each header by
    its name in lower case; `body` is what has arrived of it. peer, scheme: those of the connection."""

    method: str
    target: bytes
    version: str = "1.1"
    headers: Headers = field(default_factory=list)
    named: dict[bytes, bytes] = field(default_factory=dict)
    peer: str = ""
    scheme: str = "http"
    keep_alive: bool = True
    is_upgrade: bool = False
    has_head: bool = False
    is_complete: bool = False
    body: bytearray = field(default_factory=bytearray)
    began: float = field(default_factory=time.monotonic)
    _query: dict[str, str] | None = None

    @property
    def path(self) -> str:
        return self.target.partition(b"?")[0].decode("ascii", "replace")

    @property
    def query(self) -> dict[str, str]:
        """The first value of each name."""
        if self._query is None:
            self._query = parse_query(self.target.partition(b"?")[2].decode("utf-8", "surrogateescape"))
        return self._query

    def get(self, name: str, default: str = "") -> str:
        """The first header of this name."""
        value = self.named.get(_folded(name))
        return default if value is None else value.decode("utf-8", "surrogateescape")

    def all(self, name: str) -> list[str]:
        """Every header of this name, in the order in which they came."""
        folded = _folded(name)
        first = self.named.get(folded)
        if first is None:
            return []
        values = [first] if len(self.named) == len(self.headers) else _values(self.headers, folded)
        return [value.decode("utf-8", "surrogateescape") for value in values]

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self.named

    def add(self, name: bytes, value: bytes) -> None:
        """One more header."""
        self.headers.append((name, value))
        self.named.setdefault(name.lower(), value)

    def remove(self, *names: bytes) -> None:
        """All headers of these names."""
        self.headers = [pair for pair in self.headers if pair[0].lower() not in names]
        for name in names:
            self.named.pop(name, None)

    def shed(self) -> None:
        """Nobody asks for its headers any more. Of thousands of polls that wait each keeps little, and what is freed
        now is still in the processor's cache."""
        self.headers.clear()
        self.named.clear()
        self._query = None

    @property
    def head_size(self) -> int:
        """Bytes of its target and headers."""
        return len(self.target) + _size(self.headers)

    @property
    def head(self) -> bytes:
        """The request line and headers, as they are handed on."""
        lines = [b"%b %b HTTP/%b" % (self.method.encode(), self.target, self.version.encode())]
        lines += [b"%b: %b" % pair for pair in self.headers]
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _values(headers: Headers, folded: bytes) -> list[bytes]:
    return [value for name, value in headers if name.lower() == folded]


def _size(headers: Headers) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers)


@lru_cache(64)
def _folded(name: str) -> bytes:
    return name.lower().encode()


def parse_query(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    is_quoted = "%" in text or "+" in text
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if is_quoted:
            name, value = unquote_plus(name), unquote_plus(value)
        found.setdefault(name, value)
    return found


class RequestReader:
    """Bytes in, requests out. The last of `requests` may be incomplete."""

    def __init__(self, peer: str, scheme: str) -> None:
        self.peer, self._scheme = peer, scheme
        self.requests: deque[Request] = deque()
        self.rest = b""  # what came behind a request that asks for another protocol
        self.is_stopped = False  # by such a request
        self.unread = b""  # behind many requests that wait
        self.fault: BadRequest | None = None  # what came behind `requests` is none
        self._request: Request | None = None  # whose bytes arrive
        self._head_bytes = 0  # of a head, as far as it has arrived
        self._is_long = False  # the next head that is whole arrived in several slices
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)

    @property
    def is_idle(self) -> bool:
        """True between requests."""
        return self._request is None

    @property
    def is_in_head(self) -> bool:
        return self._request is not None and not self._request.has_head

    @property
    def early(self) -> int:
        """Bytes of memory that what was read and not yet asked for takes."""
        if not (self.requests or self.rest or self.unread):
            return 0
        waiting = sum(one.head_size + len(one.body) + OVERHEAD for one in self.requests)
        return waiting + len(self.rest) + len(self.unread)

    @property
    def has_nothing(self) -> bool:
        """True while no request waits, none arrives, and none is to be refused."""
        return self._request is None and not (self.requests or self.unread or self.fault)

    def feed(self, data: bytes) -> None:
        """Read on, as far as few enough requests wait."""
        if self.fault or self._parser is None:
            return
        if self.unread:
            data, self.unread = self.unread + data, b""
        try:
            for at in range(0, len(data), SLICE):
                if self.is_stopped:
                    self.rest += data[at:]
                    return
                if len(self.requests) >= MAX_PARSED:
                    self.unread = data[at:]
                    return
                self._parse(data[at : at + SLICE])
        except BadRequest as fault:
            self.fault = fault

    def _parse(self, data: bytes) -> None:
        """One slice. Raises BadRequest. A head that is whole in it cannot be too long."""
        begun = self._request
        self._is_long = begun is not None and not begun.has_head
        size = len(data)
        while data:
            assert self._parser
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                data = self._upgrade(data[upgrade.args[0] :])
            except httptools.HttpParserCallbackError as error:
                cause = error.__context__ or error
                raise (cause if isinstance(cause, BadRequest) else BadRequest(400, "Bad request")) from None
            except httptools.HttpParserError as error:
                raise BadRequest(400, f"Bad request: {error}") from None
        request = self._request
        if request is not None and not request.has_head:
            self._head_bytes = self._head_bytes + size if request is begun else request.head_size
            _check_head(self._head_bytes)

    def _upgrade(self, rest: bytes) -> bytes:
        """A request asks for another protocol. Where nobody here speaks it, or where it has a body, which llhttp leaves
        in `rest`, that is passed over (RFC 9110, 7.8). What is still to be parsed then."""
        request = self.requests[-1]
        has_body = "Transfer-Encoding" in request or request.get("Content-Length", "0") != "0"
        if request.method == "GET" and request.get("Upgrade").lower() == "websocket" and not has_body:
            self.is_stopped, self.rest = True, rest
            return b""
        self.requests.pop()
        request.remove(b"upgrade", b"connection")
        self._parser = httptools.HttpRequestParser(self)
        return request.head + rest

    def go_on(self) -> None:
        """The other protocol was refused: read requests again."""
        self.is_stopped, rest, self.rest = False, self.rest, b""
        self._parser = httptools.HttpRequestParser(self)
        self.feed(rest)

    # --- llhttp's side ---

    def on_message_begin(self) -> None:
        self._request = Request("", b"", peer=self.peer, scheme=self._scheme)

    def on_url(self, url: bytes) -> None:
        assert self._request
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        request = self._request
        assert request
        if not request.has_head:  # else a trailer: nobody reads those
            request.headers.append((name, value))

    def on_headers_complete(self) -> None:
        request, parser = self._request, self._parser
        assert request and parser
        if self._is_long:
            _check_head(request.head_size)
        request.named = {name.lower(): value for name, value in reversed(request.headers)}
        request.version = parser.get_http_version()
        _check_headers(request)
        request.method = parser.get_method().decode()
        if request.method == "CONNECT":  # what follows would be no HTTP
            raise BadRequest(405, "This server is no proxy")
        request.keep_alive = parser.should_keep_alive()
        request.is_upgrade = parser.should_upgrade()
        request.has_head = True
        self.requests.append(request)

    def on_body(self, data: bytes) -> None:
        assert self._request
        self._request.body += data

    def on_message_complete(self) -> None:
        assert self._request
        self._request.is_complete, self._request = True, None


def end(reader: RequestReader) -> None:
    """Nothing is read any more. A reader and its parser hold each other: without that both go at once, and need not be
    found by the garbage collector."""
    reader._parser = None


def begun(reader: RequestReader) -> Request:
    """What is known of the request whose bytes arrive."""
    return reader._request or Request("", b"", peer=reader.peer)


def _check_head(size: int) -> None:
    if size > MAX_HEAD:
        raise BadRequest(431, f"The head of a request has {MAX_HEAD} bytes at most")


def _check_headers(request: Request) -> None:
    """Raises BadRequest for what llhttp leaves to its users."""
    headers, named = request.headers, request.named
    if len(headers) > MAX_HEADERS:
        raise BadRequest(431, f"A request has {MAX_HEADERS} headers at most")
    if request.version == "1.1" and b"host" not in named:
        raise BadRequest(400, "Bad request: no Host header")
    for name in TOKENS:
        if name in named and not named[name].isascii():
            raise _no_text(name)
    if len(named) < len(headers):
        _check_repeated(headers)


def _check_repeated(headers: Headers) -> None:
    """Some have the same name."""
    counts = Counter(name.lower() for name, _ in headers)
    for name, value in headers:
        folded = name.lower()
        if folded in TOKENS and not value.isascii():
            raise _no_text(folded)
        if folded in SINGLE and counts[folded] > 1:
            raise BadRequest(400, f"Bad request: two {folded.decode()} headers")


def _no_text(name: bytes) -> BadRequest:
    return BadRequest(400, f"Bad request: {name.decode()} is no text")
