"""People who come and go, in every way there is and at every moment.

A visit is a generator over raw sockets: it sends, and yields what it waits to hear. A hundred are under way at once,
each at its own step.
"""

import contextlib
import json
import re
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from itertools import product
from pathlib import Path
from typing import Any

from app.chat.tokens import Tokens
from tests.fuzz.served import SECRET
from tests.support import PATIENCE
from tests.support.process import STARTS_WITHIN, starved
from tests.support.raw import UPGRADE, head

ROOT = Path(__file__).parents[2]
AT_ONCE = 100
FORGETTING = 8.0  # seconds after which nothing may be left of those who are gone: less than a timer of an upgrade, of a
# goodbye or of a connection that nobody uses has, so one that goes on is seen. Those in which others had the processor
# do not count: beside them the server is so much later with everything.
LOOKS_EVERY = 0.25  # seconds: a look goes through all objects, and meanwhile nobody is forgotten

_tokens = Tokens(None, SECRET)
BROWSERS = [_tokens.new() for _ in range(60)]  # come again and again, in several tabs; so the database does not grow
ROOMS = 20

Wait = tuple["Line", bytes | int]  # until this is heard, or so many bytes; b"" for the end
Steps = Generator[Wait, bytes, Any]


class Line:
    """One connection, that waits for nothing by itself."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.socket.setblocking(False)
        self.heard = b""
        self.over = False

    def sends(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def hears(self) -> None:
        try:
            while data := self.socket.recv(65_536):
                self.heard += data
                if PING in data:
                    self.sends(frame("3"))
            self.over = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self.over = True

    def brings(self, wanted: bytes | int) -> bytes | None:
        """What was heard up to and with what is waited for; None if that is still to come."""
        at = self._end_of(wanted)
        if at is None:
            assert not self.over, f"the server hung up before {wanted!r}; heard: {self.heard[-300:]!r}"
            return None
        brought, self.heard = self.heard[:at], self.heard[at:]
        return brought

    def _end_of(self, wanted: bytes | int) -> int | None:
        if isinstance(wanted, int):
            return wanted if len(self.heard) >= wanted else None
        if not wanted:
            return len(self.heard) if self.over else None
        at = self.heard.find(wanted)
        return at + len(wanted) if at >= 0 else None

    def leaves(self) -> None:
        self.socket.close()

    def cuts(self) -> None:
        """RST, and not a word."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def frame(payload: str | bytes, opcode: int = 1) -> bytes:
    """As clients send it; with a mask of zeros, which is a mask."""
    data = payload.encode() if isinstance(payload, str) else payload
    size = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
    return bytes((0x80 | opcode,)) + size + bytes(4) + data


PING = b"\x81\x012"
PATH = "/socket.io/?EIO=4&transport="
SHAKE = head("GET", f"{PATH}websocket", UPGRADE)
SHAKE_BADLY = head("GET", f"{PATH}websocket", UPGRADE | {"Sec-WebSocket-Version": "99"})
CLOSE, GOING_AWAY = frame(b"\x03\xe8", 8), frame(b"\x03\xe9", 8)  # 1000, 1001


class Visit:
    """Somebody and their connections; the last one is what they speak over."""

    def __init__(self, port: int, number: int) -> None:
        self.port = port
        self.lines: list[Line] = []
        self.connect = f'40{{"token":"{BROWSERS[number % len(BROWSERS)]}"}}'
        self.join = f'420["join",{{"room":"room-{number % ROOMS}"}}]'
        self.sid = ""

    def dials(self) -> Line:
        self.lines.append(Line(self.port))
        return self.lines[-1]

    @property
    def line(self) -> Line:
        return self.lines[-1]

    # --- over a WebSocket, up to where ---

    def has_dialled(self) -> Steps:
        self.dials()
        yield from ()

    def has_half_a_head(self) -> Steps:
        self.dials().sends(SHAKE[: len(SHAKE) // 2])
        yield from ()

    def shakes(self) -> Steps:
        self.dials().sends(SHAKE)
        yield from ()

    def is_refused(self) -> Steps:
        self.dials().sends(SHAKE_BADLY)
        yield self.line, b"HTTP/1.1 400"

    def has_shaken(self) -> Steps:
        self.dials().sends(SHAKE)
        yield self.line, b"\r\n\r\n"

    def connects(self) -> Steps:
        yield from self.has_shaken()
        self.line.sends(frame(self.connect))

    def is_connected(self) -> Steps:
        yield from self.connects()
        yield self.line, b"40{"

    def joins(self) -> Steps:
        yield from self.is_connected()
        self.line.sends(frame(self.join))

    def has_joined(self) -> Steps:
        yield from self.joins()
        yield self.line, b'430[{"room"'

    def has_half_a_frame(self) -> Steps:
        yield from self.has_joined()
        self.line.sends(frame('42["typing",{"room":"room-0"}]')[:9])

    # --- by polls, up to where ---

    def asks(self, method: str, body: str = "") -> Steps:
        """A whole request; the body of its answer, which must be a good one."""
        self.line.sends(self.request(method, body))
        top = yield self.line, b"\r\n\r\n"
        assert top.startswith(b"HTTP/1.1 200"), top
        size = re.search(rb"(?i)\r\ncontent-length: (\d+)", top)
        assert size, top
        return (yield self.line, int(size[1])).decode()

    def request(self, method: str, body: str = "") -> bytes:
        sid = f"&sid={self.sid}" if self.sid else ""
        return head(method, f"{PATH}polling{sid}", {"Content-Length": str(len(body))}) + body.encode()

    def polls(self, wanted: str) -> Steps:
        """Poll until that comes."""
        body = ""
        while wanted not in body:
            body = yield from self.asks("GET")
            if "2" in body.split("\x1e"):
                yield from self.asks("POST", "3")

    def has_opened(self) -> Steps:
        self.dials()
        opened = yield from self.asks("GET")
        self.sid = json.loads(opened[1:])["sid"]

    def is_let_in(self) -> Steps:
        yield from self.has_opened()
        yield from self.asks("POST", self.connect)
        yield from self.polls("40{")

    def sits(self) -> Steps:
        yield from self.is_let_in()
        yield from self.asks("POST", self.join)
        yield from self.polls('430[{"room"')

    def waits(self) -> Steps:
        """A poll hangs."""
        yield from self.sits()
        self.line.sends(self.request("GET"))

    def has_half_a_post(self) -> Steps:
        yield from self.is_let_in()
        self.line.sends(self.request("POST", "4" * 100)[:-50])

    def probes(self) -> Steps:
        yield from self.is_let_in()
        self.dials().sends(SHAKE.replace(b"websocket HTTP", f"websocket&sid={self.sid} HTTP".encode(), 1))
        yield self.line, b"\r\n\r\n"
        self.line.sends(frame("2probe"))

    def is_probed(self) -> Steps:
        yield from self.probes()
        yield self.line, b"3probe"

    def upgrades(self) -> Steps:
        yield from self.is_probed()
        self.line.sends(frame("5"))

    def is_upgraded(self) -> Steps:
        yield from self.upgrades()
        self.line.sends(frame(self.join))
        yield self.line, b'430[{"room"'

    # --- and how it ends ---

    def leaves(self) -> Steps:
        for line in self.lines:
            line.leaves()
        yield from ()

    def is_cut(self) -> Steps:
        for line in self.lines:
            line.cuts()
        yield from ()

    def closes(self) -> Steps:
        self.line.sends(CLOSE)
        yield self.line, b""
        yield from self.leaves()

    def goes_away(self) -> Steps:
        """The page is closed, or loaded anew."""
        self.line.sends(GOING_AWAY)
        yield self.line, b""
        yield from self.leaves()

    def says_goodbye(self) -> Steps:
        self.line.sends(frame("41") + CLOSE)
        yield self.line, b""
        yield from self.leaves()

    def ends_the_session(self) -> Steps:
        self.line.sends(frame("1"))
        yield self.line, b""
        yield from self.leaves()

    def posts_the_end(self) -> Steps:
        yield from self.asks("POST", "1")
        yield from self.leaves()

    def posts_goodbye(self) -> Steps:
        yield from self.asks("POST", "41")
        yield from self.leaves()


Step = Callable[[Visit], Steps]
V = Visit
DEAF: list[Step] = [V.has_dialled, V.has_half_a_head, V.shakes, V.is_refused, V.has_half_a_frame]
SPEAKING: list[Step] = [V.has_shaken, V.connects, V.is_connected, V.joins, V.has_joined, V.upgrades, V.is_upgraded]
POLLING: list[Step] = [V.has_opened, V.is_let_in, V.sits]
BUSY: list[Step] = [V.waits, V.has_half_a_post, V.probes, V.is_probed]  # with a poll, a post, an upgrade
RUDE: list[Step] = [V.leaves, V.is_cut]

WAYS = [
    *product(DEAF + SPEAKING + POLLING + BUSY, RUDE),
    *product(SPEAKING, [V.closes, V.goes_away, V.says_goodbye, V.ends_the_session]),
    *product(POLLING, [V.posts_the_end, V.posts_goodbye]),
]


def steps(visit: Visit, way: tuple[Step, Step]) -> Steps:
    come, go = way
    yield from come(visit)
    yield from go(visit)


class House:
    """The server, in a process of its own."""

    def __init__(self, loop: str) -> None:
        command = [sys.executable, "-m", "tests.fuzz.served", "chat", loop, "calm"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line().rpartition(":")[2])
        self.visits = 0
        self.quiet: dict[str, int] = {}
        self.is_visited(len(WAYS))
        self.quiet = self.is_empty()

    def stops(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(2 * PATIENCE)

    def is_visited(self, times: int) -> None:
        """In all ways in turn."""
        try:
            self._is_visited(times)
        except AssertionError:
            self.look()  # whose log may say why
            raise

    def _is_visited(self, times: int) -> None:
        coming = iter(range(self.visits, self.visits + times))
        self.visits += times
        poll, waiting, until = select.epoll(), {}, time.monotonic() + PATIENCE

        def goes_on(visit: Steps, brought: bytes | None = None) -> bool:
            """False when it is over."""
            with contextlib.suppress(StopIteration):
                while True:
                    line, wanted = visit.send(brought)  # type: ignore[arg-type]
                    brought = line.brings(wanted)
                    if brought is None:
                        waiting[line.socket.fileno()] = visit, line, wanted
                        poll.register(line.socket, select.EPOLLIN)
                        return True
            return False

        def begins() -> None:
            """The next ones, until one has to wait."""
            for number in coming:
                if goes_on(steps(Visit(self.port, number), WAYS[number % len(WAYS)])):
                    return

        for _ in range(AT_ONCE):
            begins()
        while waiting:
            for fd, _ in poll.poll(PATIENCE):
                visit, line, wanted = waiting.pop(fd)
                poll.unregister(fd)
                line.hears()
                brought = line.brings(wanted)
                if brought is None:
                    waiting[fd] = visit, line, wanted
                    poll.register(fd, select.EPOLLIN)
                elif not goes_on(visit, brought):
                    begins()
                    until = time.monotonic() + PATIENCE
            assert time.monotonic() < until, f"{len(waiting)} visits hang: {[one[2] for one in waiting.values()][:5]}"
        poll.close()

    def costs(self, visits: int) -> float:
        """Seconds of the processor that each of so many visits takes."""
        before = self._processor()
        self.is_visited(visits)
        return (self._processor() - before) / visits

    def _processor(self) -> float:
        """Of all its threads, which are the same from its first second on. In nanoseconds of the scheduler, for the
        ticks of proc(5), stat, are samples: of a round some thirty."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1e9

    def look(self) -> dict[str, Any]:
        assert self.process.stdin
        self.process.stdin.write("all\n")
        self.process.stdin.flush()
        seen: dict[str, Any] = json.loads(self._line())
        assert not seen["faults"], "\n".join(seen["faults"])
        return seen

    def _line(self) -> str:
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], STARTS_WITHIN)[0], "the server says nothing"
        return self.process.stdout.readline()

    def is_empty(self) -> dict[str, Any]:
        """Wait until nothing is left of anybody: no more than when it was quiet. What is seen then."""
        began = self._served_for()
        while left := self.left(seen := self.look()):
            told = f"left behind: {left}; running: {seen['running']}"
            assert self._served_for() - began < FORGETTING, told
            time.sleep(LOOKS_EVERY)
        return seen

    def _served_for(self) -> float:
        """Seconds, on the monotonic clock, without those in which it was ready to run and had no processor."""
        return time.monotonic() - starved(self.process.pid)

    def left(self, seen: dict[str, Any]) -> dict[str, int]:
        more = {name: seen[name] - self.quiet.get(name, seen[name]) for name in ("tasks", "timers", "files")}
        return seen["kept"] | {name: number for name, number in more.items() if number > 0}
