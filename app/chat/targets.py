"""Where hooks may deliver to: by http or https to public addresses, on ports at which web servers listen.
(Pushes are as strict in their own way: web/webpush.py.)

Whoever owns a room chooses the address, and anybody owns a room: a server that sends whatever it is told to would open
the network behind it to everybody. The address of a host is judged at each connection, for it may be another one then
(`is_public`)."""

import asyncio
import socket
from concurrent.futures import Executor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from app.chat.lookups import LookupThreads
from app.model import Refused, Sentence

MAX_URL = 1_000  # characters
LOOKUP_TIMEOUT_S = 5.0
WEB_PORTS = (80, 443)
FIRST_PORT = 1024  # of those that any program may listen at
# Of the ports that browsers send nothing to (WHATWG Fetch, 2.9), those above.
BAD_PORTS = frozenset(
    (1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080)
)
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
UNICAST = IPv6Network("2000::/3")  # all that IANA has given out; outside of it are older ways to write IPv4 addresses

_checked = LookupThreads(4, "checked-names")


def host_of(url: str) -> str:
    """The host (and port, where it is named) of an address that hooks may have. Raises `bad_payload`."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
        host.encode("idna" if not host.isascii() else "ascii")
    except (ValueError, UnicodeError):
        raise _bad(Sentence("that is no address of a web server")) from None
    if len(url) > MAX_URL or any(char <= " " or char in "\\\x7f" for char in url):
        raise _bad(Sentence("an address has {most} characters at most, and no blanks", most=MAX_URL))
    if parts.scheme not in ("http", "https") or not host:
        raise _bad(Sentence("an address begins with https:// or http://, and names a host"))
    if "@" in parts.netloc:
        raise _bad(Sentence("name and password do not belong into an address: deliveries are signed instead"))
    if port is not None and port not in WEB_PORTS and (port < FIRST_PORT or port in BAD_PORTS):
        raise _bad(Sentence("nothing is delivered to port {port}", port=port))
    return host if port is None else f"{host}:{port}"


async def check(url: str, private_too: bool) -> str:
    """The same, where its host has public addresses now. Raises `bad_payload`."""
    named = host_of(url)
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            found = await look_up(_checked, host, None)
    except (OSError, UnicodeError, TimeoutError):
        raise _bad(Sentence("there is no host {host}", host=host)) from None
    if not private_too and not all(is_public(str(one[4][0])) for one in found):
        raise _bad(
            Sentence(
                "{host} is in a private network, to which nothing is delivered (whoever runs this server can allow "
                "that: PARLOR_HOOK_PRIVATE)",
                host=host,
            )
        )
    return named


async def look_up(threads: Executor, host: str, port: int | None, family: int = 0) -> list[Any]:
    """The addresses of a host, as `socket.getaddrinfo` has them. By threads for names alone: one whose server does not
    answer holds its thread for half a minute, and a few of them in those of everybody (`asyncio.to_thread`) would stop
    uploads and pages. Raises OSError."""
    asked = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
    return await asyncio.get_running_loop().run_in_executor(threads, asked)


def is_public(address: str) -> bool:
    """False for what is reached from this machine or its network alone, however it is written."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if not inside and found in NAT64:
            inside = IPv4Address(int(found) & 0xFFFFFFFF)
        if inside:
            return is_public(str(inside))
        if found not in UNICAST:
            return False
    return found.is_global and not found.is_multicast


def _bad(why: str) -> Refused:
    return Refused("bad_payload", Sentence("“{field}”: {why}.", field="url", why=why), field="url")
