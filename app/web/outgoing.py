"""Requests to addresses that somebody else has chosen: a hook's, a push service's, a page's to which people link. They
lead to public addresses alone, which is judged when a connection is made, for a name may lead elsewhere by then than
when it was looked at.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from app.chat import targets
from app.chat.lookups import LookupThreads

LOOKUPS = 8  # names that are looked up at once


def session(
    private_too: Callable[[], bool], most: int, timeout: aiohttp.ClientTimeout, **headers: str
) -> aiohttp.ClientSession:
    """By no proxy, without cookies; each connection is opened anew. private_too: may they lead to this machine and its
    network, as well? most: connections at once. A connection that is refused is a ClientConnectorError."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=partial(_socket, private_too),
            resolver=Names(),
            use_dns_cache=False,
            force_close=True,
            limit=most,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        trust_env=False,
        auto_decompress=False,
        headers=headers,
    )


class Names(AbstractResolver):
    """Looks names up in threads of its own (targets.look_up)."""

    def __init__(self) -> None:
        self._threads = LookupThreads(LOOKUPS, "names")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await targets.look_up(self._threads, host, port, family)
        return [
            ResolveResult(
                hostname=host, host=str(where[0]), port=port, family=of, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for of, _, protocol, _, where in found
        ]

    async def close(self) -> None:
        self._threads.shutdown()


def _socket(private_too: Callable[[], bool], address: Any) -> socket.socket:
    """For a connection to the address that a host has at this moment."""
    family, kind, protocol, _, where = address
    if not private_too() and not targets.is_public(str(where[0])):
        raise OSError("it is in a private network")
    return socket.socket(family, kind, protocol)
