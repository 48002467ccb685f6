"""Pages to which people link are read here, where the operator has asked for that: over http and https at public
addresses alone, judged when a connection is made and again at each redirect; 1 MB and 3 s at most, HTML alone, without
cookies. Whatever goes wrong, there is no card.
"""

import asyncio
import logging
import zlib
from typing import Any

import aiohttp
import regex
from yarl import URL

from app.chat import targets
from app.chat.names import skeletons
from app.web import outgoing
from app.web.page_words import words_of

log = logging.getLogger("parlor.previews")

Card = dict[str, Any]

TIME_LIMIT_S = 3.0  # for a page, with all that leads to it
MAX_BYTES = 1 << 20  # of a page, as it comes and as it is then
MAX_PIECES = 2_000  # of a page: each costs, however small it is
MAX_TYPE = 200  # characters of Content-Type
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
HTML = ("text/html", "application/xhtml+xml")
CONNECTIONS = 8

_NOT_LATIN = regex.compile(r"[^\p{Latin}\p{Common}\p{Inherited}]")


class PageReader:
    """private_too: pages may be in private networks and on this machine as well."""

    def __init__(self, version: str, private_too: bool) -> None:
        self._version, self._private_too = version, private_too
        self._http: aiohttp.ClientSession | None = None
        self._reading = asyncio.Lock()

    async def card(self, url: str) -> Card | None:
        """`{url, title, description?, site, host}`: host is where the page is in the end, site what it calls itself."""
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                return await self._card(url)
        except Exception as error:  # whatever a stranger's server can make libraries stumble over
            log.debug("no card for a link: %.200r", error)
            return None

    async def close(self) -> None:
        if self._http:
            await self._http.close()

    async def _card(self, url: str) -> Card | None:
        address = url
        for _ in range(1 + MAX_REDIRECTS):
            targets.host_of(address)
            async with self._session().get(URL(address).with_fragment(None), allow_redirects=False) as answer:
                if answer.status in REDIRECTS and (further := answer.headers.get("Location")):
                    address = str(answer.url.join(URL(further)))
                    continue
                if answer.status != 200 or not _is_html(answer):
                    return None
                page, charset = await _read(answer), answer.charset
                break
        else:
            return None
        async with self._reading:  # one at a time, beside the loop: a page may have much to read
            said = await asyncio.to_thread(words_of, page, charset)
        host = shown_host(URL(address)).removeprefix("www.")
        return {"url": url, "site": host, "host": host} | said if said else None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            named = {
                "User-Agent": f"Mozilla/5.0 (compatible; Parlor/{self._version}; link previews)",
                "Accept": "text/html, application/xhtml+xml;q=0.9",
                "Accept-Encoding": "gzip",
                "Accept-Language": "*",
            }
            limit = aiohttp.ClientTimeout(total=TIME_LIMIT_S)
            self._http = outgoing.session(lambda: self._private_too, CONNECTIONS, limit, **named)
        return self._http


def shown_host(url: URL) -> str:
    """As people read it; as `xn--…`, which nobody takes for another one, where it is written in another script and
    looks as if it were in Latin: `аpple.com` with a Cyrillic а."""
    host, written = url.host or "", url.raw_host or ""
    is_foreign = not host.isascii() and _NOT_LATIN.search(host)
    looks = skeletons("".join(char for char in host if char.isalpha())) if is_foreign else ()
    return written if any(one.isascii() for one in looks) else host


def _is_html(answer: aiohttp.ClientResponse) -> bool:
    """A type is parsed only where it is short: with much in it that takes long, and goes deep."""
    return len(answer.headers.get("Content-Type", "")) <= MAX_TYPE and answer.content_type in HTML


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """Up to the end of the head of the page, where that is found, and never more than MAX_BYTES, nor than MAX_PIECES as
    they come, each of which may be a byte. Raises ValueError."""
    coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity", "gzip", "x-gzip"):
        raise ValueError(f"an encoding that nobody asked for: {coding:.20}")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    page, taken, pieces = bytearray(), 0, 0
    async for piece, _ in answer.content.iter_chunks():
        taken, before, pieces = taken + len(piece), max(0, len(page) - 6), pieces + 1
        page += unpack.decompress(piece, MAX_BYTES - len(page)) if unpack else piece
        if max(taken, len(page)) >= MAX_BYTES or pieces >= MAX_PIECES or (unpack and unpack.eof):
            break
        if b"</head" in page[before:].lower():
            break
    return bytes(page[:MAX_BYTES])
