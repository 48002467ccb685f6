"""Which site and room are meant, who one is there, and how it ends."""

import asyncio
import contextlib
import hashlib
import ipaddress
import os
import re
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from app.tools.client import Client, Refused, Room
from app.tools.terminal.shown import harmless

T = TypeVar("T")

OK, REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130  # exit codes
LOOK_EVERY_S = 0.1

_ROOM_IN_PATH = re.compile(r"(?P<base>.*)/r/(?P<room>[^/]+)(/log.*|/events)?/?")


class Usage(Exception):
    """The command line does not say what is wanted; the sentence says what is missing."""


class Unreachable(Exception):
    """There was no connection for as long as one wanted to wait."""


@dataclass(frozen=True)
class Who:
    """nickname: to bear; refused where it is taken. token, or the file that keeps it: by which one is the same person
    again. wait: seconds without a connection after which it is given up."""

    nickname: str | None = None
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    invite: str | None = field(default=None, repr=False)
    wait: float = 30.0

    def entry(self) -> dict[str, Any]:
        return {"nickname": self.nickname, "passphrase": self.passphrase, "invite": self.invite}


def address(url: str, room: str | None) -> tuple[str, str, str | None]:
    """The site's address, the room's name, and the invite of a link that has one; the address of a room's page names
    both. Raises Usage."""
    url = url.strip()
    if "://" not in url:
        url = f"{'http' if _is_near(url) else 'https'}://{url}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Usage(f"{url} is no address: {error}.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise Usage(f"{url} is no address of a site: it begins with http:// or https://.")
    path = parts.path.rstrip("/")
    if found := _ROOM_IN_PATH.fullmatch(path):
        path, room = found["base"], room or found["room"]
    room = (room or "").strip().removeprefix("#").lower()
    if not room:
        raise Usage("Say which room: --room lobby, or the address of its page, https://chat.example/r/lobby.")
    invite = parse_qs(parts.fragment).get("invite", [None])[0]
    return f"{parts.scheme}://{parts.netloc}{path}", room, invite


def _is_near(url: str) -> bool:
    """This machine, or one of a private network, has no certificate."""
    host = urlsplit(f"//{url}").hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_private
    return host == "localhost" or host.endswith((".localhost", ".local"))


def token_file(site: str, nickname: str | None) -> Path | None:
    """Where a person's token is kept from one run to the next: one for each site and nickname. None where the system
    has no home for whoever runs this."""
    try:
        state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".local" / "state"
    except RuntimeError:
        return None
    parts = urlsplit(site)
    where, who = _file_name(f"{parts.netloc}{parts.path}"), _file_name((nickname or "").casefold()) or "guest"
    return Path(state) / "parlor" / where / f"{who}.token"


def _file_name(text: str) -> str:
    """Another one for each text; file names have 255 bytes at most."""
    name = quote(text, safe="")
    return name if len(name) <= 100 else f"{name[:60]}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def client_of(site: str, who: Who) -> Client:
    """Raises Usage where the token's file cannot be read."""
    file = None if who.token else who.token_file or token_file(site, who.nickname)
    try:
        return Client(site, who.nickname, token=who.token, token_file=file)
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"The token in {file} cannot be read: {error}.") from None


async def entered(client: Client, room: str, who: Who) -> Room:
    """Raises Refused, Unreachable."""
    return await while_reachable(client, who.wait, client.enter(room, **who.entry()))


async def while_reachable(client: Client, wait: float, work: Coroutine[Any, Any, T]) -> T:
    """What the work returns or raises; Unreachable after so many seconds without a connection."""
    clock = asyncio.get_running_loop().time
    task, lost_at = asyncio.ensure_future(work), clock()
    try:
        while not task.done():
            await asyncio.wait([task], timeout=LOOK_EVERY_S)
            lost_at = clock() if client.transport else lost_at
            if not task.done() and clock() - lost_at >= wait:
                raise Unreachable(f"{client.url} cannot be reached: {client.problem or 'it does not answer'}.")
        return task.result()
    finally:
        task.cancel()


async def lines_of_stdin() -> AsyncIterator[bytes]:
    """The lines as they come, without their ends. In a thread that nobody waits for: a terminal or a pipe may say
    nothing for ever, and a file cannot be waited for."""
    loop, lines = asyncio.get_running_loop(), asyncio.Queue[bytes | None](16)

    def put(line: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        with contextlib.suppress(OSError, RuntimeError):
            rest = b""
            while piece := os.read(sys.stdin.fileno(), 65_536):
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    put(line.removesuffix(b"\r"))
            if rest:
                put(rest)
            put(None)

    threading.Thread(target=read, daemon=True).start()
    while (line := await lines.get()) is not None:
        yield line


def complain(text: str) -> None:
    """A line on stderr."""
    with contextlib.suppress(OSError):
        print(f"parlor: {harmless(text)}", file=sys.stderr, flush=True)


async def ending(work: Coroutine[Any, Any, int]) -> int:
    """The exit code; what went wrong is a line on stderr."""
    try:
        return await work
    except Refused as refusal:
        complain(refusal.text)
        return REFUSED
    except Unreachable as error:
        complain(str(error))
        return UNREACHABLE
    except ConnectionError as error:
        if isinstance(error, BrokenPipeError):
            raise
        complain(f"{error}.")
        return UNREACHABLE
