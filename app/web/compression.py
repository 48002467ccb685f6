"""Answers as few bytes: brotli or gzip, as `Accept-Encoding` wants it (RFC 9110, 12.5.3).

A static file is compressed as small as can be, once in the life of the process, in a thread, when somebody asks for it
first: it is asked for again and again. (The chat's script takes 0.15 s of processor; all files at the start took 1.4 s
from the first visitors.) A page is compressed each time, quickly.

Compressed text tells by its length what else is in it (BREACH). It takes a secret in the same answer as text that an
attacker has chosen, and many answers. Pages hold no secret: tokens travel in headers alone, forms carry none. What is
said in a room that is not open to everybody is in no page but its log, and whoever can put text into that is in the
room and may read it. The operator's page, and all that is no page, is not compressed.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable

import brotli
from aiohttp import hdrs, web

from app.web.edge import Handler

MIN_BYTES = 300  # below, the header that names the coding costs what is saved
LARGE_BYTES = 32_000  # of a page: from here on in a thread
COMPRESSED_TYPES = ("text/", "application/json", "application/manifest+json", "image/svg+xml")

Compress = Callable[[bytes], bytes]


def _brotli(content: bytes) -> bytes:
    return bytes(brotli.compress(content, quality=11))


def _brotli_quickly(content: bytes) -> bytes:
    return bytes(brotli.compress(content, quality=5))


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)  # without the time, or each process would have other bytes


def _gzip_quickly(content: bytes) -> bytes:
    return gzip.compress(content, 5, mtime=0)


ONCE: dict[str, Compress] = {"br": _brotli, "gzip": _gzip}  # the better one first
EACH_TIME: dict[str, Compress] = {"br": _brotli_quickly, "gzip": _gzip_quickly}

_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)
_made: dict[tuple[bytes, str], asyncio.Task[bytes] | bytes] = {}  # by digest of the content, and coding


def coding_for(accepted: str | None) -> str:
    """`br`, `gzip`, or empty for none. accepted: the values of Accept-Encoding; None where it was not sent. Of codings
    that are wanted alike the better one; none where no other is wanted."""
    if accepted is None:
        return ""
    wanted = _qualities(accepted)
    others = wanted.get("*", 0.0)
    best = max(ONCE, key=lambda coding: wanted.get(coding, others))  # the first of equals
    quality = wanted.get(best, others)
    return best if quality > 0 and quality >= wanted.get("identity", 0.0) else ""


def _qualities(accepted: str) -> dict[str, float]:
    """What is no quality counts as not wanted."""
    found: dict[str, float] = {}
    for part in accepted.split(","):
        name, _, parameter = part.strip().lower().partition(";")
        quality = _QUALITY.fullmatch(parameter.strip()) if parameter else None
        name = name.strip().removeprefix("x-")
        found[name] = max(found.get(name, 0.0), float(quality[1]) if quality else 0.0 if parameter else 1.0)
    return found


def coding_of(request: web.Request) -> str:
    """See coding_for."""
    values = request.headers.getall(hdrs.ACCEPT_ENCODING, [])
    return coding_for(",".join(values) if values else None)


def is_compressed(content_type: str, size: int) -> bool:
    return size >= MIN_BYTES and content_type.startswith(COMPRESSED_TYPES)


async def compressed(content: bytes, coding: str) -> bytes:
    """A static file in this coding. The process does it once, in a thread."""
    key = hashlib.sha256(content).digest(), coding
    known = _made.get(key)
    if isinstance(known, bytes):
        return known
    if known is None or known.get_loop() is not asyncio.get_running_loop():
        known = _made[key] = asyncio.create_task(asyncio.to_thread(ONCE[coding], content))
    made = await asyncio.shield(known)
    _made[key] = made
    return made


@web.middleware
async def compress_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Compress pages, also those that tell of an error."""
    response = await handler(request)
    if not isinstance(response, web.Response) or response.content_type != "text/html":
        return response
    content = response.body
    if not isinstance(content, bytes) or hdrs.CONTENT_ENCODING in response.headers:
        return response
    if "no-transform" in response.headers.get(hdrs.CACHE_CONTROL, ""):
        return response
    add_vary(response, "Accept-Encoding")
    coding = coding_of(request)
    if coding and len(content) >= MIN_BYTES:
        do = EACH_TIME[coding]
        response.body = do(content) if len(content) < LARGE_BYTES else await asyncio.to_thread(do, content)
        response.headers[hdrs.CONTENT_ENCODING] = coding
    return response


def add_vary(response: web.StreamResponse, name: str) -> None:
    named = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{named}, {name}" if named else name
