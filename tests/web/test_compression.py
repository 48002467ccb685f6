"""Answers are compressed as the browser wants it, and sent once."""

import gzip
import re
from collections.abc import Mapping

import aiohttp
import brotli
import pytest

from app.web.assets import Assets
from app.web.compression import coding_for

WANTED = [
    (None, ""),
    ("", ""),
    ("gzip, deflate, br, zstd", "br"),
    ("gzip", "gzip"),
    ("x-gzip", "gzip"),
    ("GZIP", "gzip"),
    ("*", "br"),
    ("br;q=0, *", "gzip"),
    ("br;q=0.2, gzip;q=0.8", "gzip"),
    ("br; q=0.5 , gzip; q=0.5", "br"),
    ("gzip;q=0, br;q=0", ""),
    ("gzip;q=0.000", ""),
    ("identity", ""),
    ("identity;q=1, br;q=0.5", ""),
    ("identity;q=0, br;q=0.001", "br"),
    ("*;q=0", ""),
    ("br;q=yes", ""),
    ("br;q=2", ""),
    ("deflate, zstd", ""),
    (",,;q=1,", ""),
]
UNPACKED = {"br": brotli.decompress, "gzip": gzip.decompress, "": bytes}


@pytest.mark.parametrize(("accepted", "coding"), WANTED, ids=[str(accepted) for accepted, _ in WANTED])
def test_the_coding_is_the_one_that_is_wanted_most(accepted: str | None, coding: str) -> None:
    assert coding_for(accepted) == coding


async def ask(url: str, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as browser,
        browser.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()}) as answer,
    ):
        return answer.status, answer.headers, await answer.read()


PATHS = [
    "/r/lobby",
    "/",
    "/nowhere",
    "/static/{hash}/js/main.js",
    "/static/{hash}/css/base+room.css",
    "/static/{hash}/favicon.svg",
]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_compressed_is_the_same(url: str, path: str) -> None:
    where = url + path.replace("{hash}", Assets().hash)
    # what the server makes up anew for each visit
    steady = lambda content: re.sub(rb'value="[^"]*"|<bdi>[A-Z][^<]*', b"", content)  # noqa: E731
    _, _, plain = await ask(where, Accept="text/html")
    for accepted, coding in (("br", "br"), ("gzip", "gzip"), ("identity", ""), ("br;q=0", "")):
        _, headers, content = await ask(where, Accept="text/html", Accept_Encoding=accepted)
        assert headers.get("Content-Encoding", "") == coding
        assert "Accept-Encoding" in headers["Vary"]
        assert int(headers["Content-Length"]) == len(content)
        assert steady(UNPACKED[coding](content)) == steady(plain)
        assert not coding or len(content) < 0.8 * len(plain)


async def test_what_a_browser_has_is_not_sent_again(url: str) -> None:
    where = f"{url}/static/{Assets().hash}/js/main.js"
    _, headers, _ = await ask(where, Accept_Encoding="br")
    tag = headers["ETag"]
    status, again, content = await ask(where, Accept_Encoding="br", If_None_Match=f'"other", W/{tag}')
    assert (status, content, again["ETag"]) == (304, b"", tag)
    assert again["Cache-Control"] == headers["Cache-Control"] and "Accept-Encoding" in again["Vary"]
    for accepted in ("gzip", "identity"):  # another coding is another thing
        status, other, _ = await ask(where, Accept_Encoding=accepted, If_None_Match=tag)
        assert status == 200 and other["ETag"] != tag


@pytest.mark.parametrize("path", ["/favicon.ico", "/healthz"])
async def test_what_gains_nothing_or_is_no_page_stays_as_it_is(url: str, path: str) -> None:
    _, headers, _ = await ask(url + path, Accept_Encoding="br")
    assert "Content-Encoding" not in headers
