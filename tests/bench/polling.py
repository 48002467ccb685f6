"""Somebody who polls: two kept-alive connections, one for the poll that waits, one for what is said."""

import json
import select
import socket

from tests.bench.member import PATIENCE, Behind, Fault, Member, routed

PATH = "/socket.io/?EIO=4&transport=polling"
HEADERS = "Host: 127.0.0.1\r\nConnection: keep-alive\r\n"
SEPARATOR = b"\x1e"
LENGTH = b"content-length:"


def request(method: str, sid: str, client: int, body: str = "") -> bytes:
    sized = f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n" if method == "POST" else ""
    return f"{method} {PATH}{sid} HTTP/1.1\r\n{HEADERS}{routed(client)}{sized}\r\n{body}".encode()


def body_of(answer: bytes) -> bytes | None:
    """None while it is not whole. Raises Behind for one that refuses."""
    head, found, body = answer.partition(b"\r\n\r\n")
    if not found:
        return None
    if not head.startswith(b"HTTP/1.1 200"):
        raise Behind(f"refused: {answer[:200]!r}")
    folded = head.lower()
    at = folded.find(LENGTH)
    if at < 0:
        raise Fault(f"a body without a length: {head!r}")
    length = int(folded[at + len(LENGTH) :].split(b"\r\n", 1)[0])
    return body if len(body) >= length else None


def _has_ended(line: socket.socket) -> bool:
    """True once the server has closed a connection on which nothing was asked for long: there is something to read."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(0))


class Poller(Member):
    """One session that never upgrades. Everybody reads all."""

    __slots__ = ("_asking", "_port", "_post", "_sid")

    def __init__(self, port: int, room: str, who: int, reads: bool) -> None:
        self._port, self._sid = port, ""
        self._post: socket.socket | None = None
        self._asking = False  # a POST that has no answer yet
        super().__init__(port, room, who, reads=True)

    def greets(self) -> None:
        self._send(request("GET", self._sid, self.client))

    def hears(self) -> int:
        try:
            data = self.line.recv(262_144)
        except BlockingIOError:
            return 0
        if not data:
            raise Behind("a poll was cut off")
        self.rest += data
        body = body_of(self.rest)
        if body is None:
            return 0
        self.rest = b""
        heard = sum(self._takes(packet) for packet in body.split(SEPARATOR))
        self.greets()
        return heard

    def _takes(self, packet: bytes) -> int:
        if packet.startswith(b"0{"):
            self._sid = f"&sid={json.loads(packet[1:])['sid']}"
        return self.packet(packet)

    def tells(self, packet: str) -> bool:
        """By POST, after the answer to the one before."""
        self._answered()
        if self._post is None or _has_ended(self._post):
            self._post = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
            self._post.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._post.sendall(request("POST", self._sid, self.client, packet))
        self._asking = True
        return True

    def _answered(self) -> None:
        if self._post is None or not self._asking:
            return
        answer = b""
        while body_of(answer) is None:
            data = self._post.recv(4096)
            if not data:
                raise Behind("a POST was not answered")
            answer += data
        self._asking = False

    def leaves(self) -> None:
        self.tells("41")
        self._answered()
        self.line.close()
        if self._post:
            self._post.close()
