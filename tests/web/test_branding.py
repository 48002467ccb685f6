"""The site's own name, logo, colour, words and links."""

import re
from pathlib import Path

import aiohttp
import pytest

from app.config import BadSetting, load
from app.web.branding import _parsed, contrast, style
from tests.conftest import Start

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 30"><rect width="120" height="30" fill="#a00"/></svg>'


async def page(url: str) -> str:
    async with aiohttp.ClientSession(headers={"Accept": "text/html"}) as browser, browser.get(url) as answer:
        return await answer.text()


async def test_every_page_shows_whose_site_it_is(start_server: Start, tmp_path: Path) -> None:
    logo = tmp_path / "our logo.SVG"
    logo.write_bytes(SVG)
    settings, _ = load(
        {},
        {
            "PARLOR_NAME": "The Tea Room",
            "PARLOR_LOGO": str(logo),
            "PARLOR_COLOUR": "#a02060",
            "PARLOR_WELCOME": "For <friends>\nof tea.",
            "PARLOR_IMPRINT": "https://example.org/imprint",
            "PARLOR_PRIVACY": "/privacy.html",
        },
    )
    chosen = {name: getattr(settings, name) for name in ("site", "logo", "colour", "welcome", "imprint", "privacy")}
    server = await start_server(**chosen)
    for path in ("/", "/r/lobby", "/echo", "/diagnostics", "/nowhere"):
        html = await page(server.url + path)
        assert "The Tea Room" in html
        source, width = re.findall(r'<img class="brand-mark brand-logo" src="([^"]+)"[^>]* width="(\d+)"', html)[0]
        assert width == "112"
        async with aiohttp.ClientSession() as browser, browser.get(server.url + source) as answer:
            assert (await answer.read(), answer.content_type) == (SVG, "image/svg+xml")
        assert "+colour+" in html or "+colour.css" in html
        if path in ("/", "/r/lobby", "/nowhere"):
            assert '<a href="https://example.org/imprint">Imprint</a>' in html
            assert '<a href="/privacy.html">Privacy</a>' in html
    assert "For &lt;friends&gt;\nof tea." in await page(server.url)


async def test_without_a_choice_it_is_ours(url: str) -> None:
    html = await page(url)
    assert "<title>Parlor" in html and "brand-logo" not in html and "colour" not in html.split("<body")[0]
    assert "Imprint" not in html and "Privacy" not in html
    assert "No account, nothing to install." in html


COLOURS = ["#0f6f67", "#a02060", "#b00020", "#1a4fd0", "#5b4a00", "#000000", "#333333", "#6b3fa0", "#006400"]


@pytest.mark.parametrize("colour", COLOURS)
def test_text_in_a_colour_and_on_it_can_be_read_on_both_grounds(colour: str) -> None:
    grounds = {"light": ["#fbf9f6", "#ffffff", "#f3efe9"], "dark": ["#1b1a18", "#232220", "#171614", "#302d2a"]}
    found = re.findall(
        r"--accent: (\S+); --accent-strong: (\S+); --accent-wash: (\S+); --on-accent: (\S+);", style(colour)
    )
    assert len(found) == 3 and found[1] == found[2]
    for theme, (accent, strong, wash, on) in zip(("light", "dark"), found, strict=False):
        for ground in (*grounds[theme], wash):
            assert contrast(_parsed(accent), _parsed(ground)) >= 4.5, (theme, ground)
        assert contrast(_parsed(on), _parsed(accent)) >= 4.5
        assert contrast(_parsed(on), _parsed(strong)) >= 4.5


async def test_a_colour_that_nobody_could_read_stops_the_start(start_server: Start) -> None:
    with pytest.raises(
        BadSetting, match=r"PARLOR_COLOUR = '#ffee00' .* contrast is 1\.\d, .* (#\w{6}) would do"
    ) as stop:
        await start_server(colour="#ffee00")
    better = re.findall(r"#\w{6}", str(stop.value))[1]
    assert style(better)


BAD = {
    "PARLOR_COLOUR": ["teal", "#12", "#1234567", "#ff00ff;}", "rgb(0,0,0)"],
    "PARLOR_IMPRINT": ["javascript:alert(1)", "//evil.example", "example.org", "data:text/html,x", "/a b"],
    "PARLOR_PRIVACY": ["vbscript:x", "http:///x"],
    "PARLOR_LOGO": ["/nowhere/logo.svg", "/etc/hostname", "logo.html"],
    "PARLOR_OPERATOR_PASSWORD": ["short"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_choice_that_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        load({}, {name: value})


def test_the_short_colour_and_the_name_a_host_injects() -> None:
    assert load({}, {"PARLOR_COLOUR": "#1AF"})[0].colour == "#11aaff"
    assert load({}, {"PARLOR_COLOUR": ""})[0].colour == ""
    assert load({}, {"PARLOR_NAME": "/web/parlor"})[0].site == "Parlor"
    assert load({}, {"PARLOR_NAME": "B", "PARLOR_SITE": "A"})[0].site == "A"


async def test_what_only_looks_like_a_picture_stops_the_start(start_server: Start, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(b"GIF89a")
    with pytest.raises(BadSetting, match="neither an SVG nor a PNG"):
        await start_server(logo=tmp_path / "logo.png")
