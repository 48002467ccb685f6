"""Static files: what a page loads is few files, and a bundle is what its modules are."""

import re
import shutil
from pathlib import Path

import aiohttp
import brotli
import pytest

from app.web.assets import Assets
from tests.bundle import ESBUILD, PAGES, STATIC, bundle
from tests.support.need import program


def test_the_bundles_are_what_the_modules_are(tmp_path: Path) -> None:
    program(("node",), "whether static/bundle is what static/js is was not seen")
    assert ESBUILD.exists(), "cd tests/js && npm ci"
    bundle(STATIC, tmp_path)
    made, ours = (
        {path.name: path.read_bytes() for path in folder.iterdir()} for folder in (tmp_path, STATIC / "bundle")
    )
    assert {f"{page}.js" for page in PAGES} <= set(made)
    assert ours == made, "static/bundle is older than static/js: make bundle"


def test_who_changes_a_module_gets_the_modules(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copytree(STATIC, tmp_path / "static")
    assert "/bundle/main.js" in Assets("", tmp_path / "static").script("main")
    assert caplog.messages == []
    with (tmp_path / "static/js/words.js").open("a", encoding="utf-8") as module:
        module.write("// changed\n")
    assert "/js/main.js" in Assets("", tmp_path / "static").script("main")
    assert "one by one" in caplog.messages[0]


def test_style_sheets_are_served_as_one_in_their_order() -> None:
    assets = Assets()
    url = assets.stylesheet("base", "room")
    assert url.endswith("/css/base+room.css")
    with pytest.raises(KeyError):
        assets.stylesheet("base", "../base")


def test_nothing_in_a_string_of_the_style_sheets_is_taken_for_a_comment() -> None:
    for path in (STATIC / "css").glob("*.css"):
        strings = re.findall(r"""(["'])(.*?)\1""", re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL))
        assert not any("/*" in text or "*/" in text or "\n" in text for _, text in strings), path.name


@pytest.mark.parametrize("name", ["base+none", "base+", "+", "base+room+"])
async def test_only_style_sheets_that_are_there_are_joined(url: str, name: str) -> None:
    async with aiohttp.ClientSession() as browser, browser.get(f"{url}/static/x/css/{name}.css") as answer:
        assert answer.status == 404


async def test_a_name_said_twice_brings_its_sheet_once(url: str) -> None:
    async with aiohttp.ClientSession() as browser:
        async with browser.get(f"{url}/static/x/css/base+base+base.css") as answer:
            joined = await answer.text()
        async with browser.get(f"{url}/static/x/css/base.css") as answer:
            assert re.sub(r"/\*.*?\*/|\s", "", await answer.text(), flags=re.DOTALL) == re.sub(r"\s", "", joined)


@pytest.mark.parametrize("path", ["", "/r/lobby", "/echo", "/diagnostics", "/r/lobby/log", "/nowhere"])
async def test_what_a_page_names_is_there(url: str, path: str) -> None:
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as browser:
        async with browser.get(url + path) as answer:
            found = re.findall(r'(?:href|src)="(/static/[^"]+)"', await answer.text())
        assert 2 <= len(found) <= 12, "beside the page, its icon and its connection: 15 requests at a first visit"
        for one in found:
            async with browser.get(url + one) as answer:
                assert answer.status == 200, one
                assert "immutable" in answer.headers["Cache-Control"]


async def test_who_goes_into_a_room_has_loaded_little_when_the_first_words_are_there(url: str) -> None:
    """All that the doorway and its script name (but the icon of a phone's first screen), as it goes over the wire, with
    its head."""
    headers = {"Accept": "text/html", "Accept-Encoding": "br"}
    async with aiohttp.ClientSession(headers=headers, auto_decompress=False) as browser:
        weights: dict[str, int] = {}

        async def fetch(path: str) -> bytes:
            async with browser.get(url + path) as answer:
                body, head = await answer.read(), sum(len(one) + len(value) + 4 for one, value in answer.raw_headers)
                assert answer.status == 200, path
                weights[path] = len(body) + head
                return brotli.decompress(body) if answer.headers.get("Content-Encoding") == "br" else body

        page = (await fetch("/r/tides")).decode()
        head, _, _ = page.partition("</head>")
        named = re.findall(
            r'(?:href|src)="(/[^"]+)"', re.sub(r"<noscript>.*?</noscript>|<link[^>]*apple-touch[^>]*>", "", head)
        )
        for path in [*named, *re.search(r'data-parts="([^"]+)"', page)[1].split()]:  # type: ignore[index]
            await fetch(path)
    assert len(weights) + 1 <= 15, "and the connection"
    assert sum(weights.values()) < 75_000, weights
    assert any("socket.io" in path for path in weights) and not any("late-parts" in path for path in weights)
