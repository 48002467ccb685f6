"""The manifest and the service worker."""

import io

import aiohttp
from PIL import Image

from app.web.assets import Assets
from tests.conftest import Start
from tests.support.talker import Talker


async def test_the_manifest_is_the_site_s_own_under_its_path(start_server: Start) -> None:
    server = await start_server(base_path="/chat", site="The Tea Room")
    async with aiohttp.ClientSession() as browser:
        async with browser.get(f"{server.url}/manifest.webmanifest") as answer:
            assert answer.content_type == "application/manifest+json"
            assert answer.headers["Cache-Control"] == "no-cache"
            manifest = await answer.json(content_type=None)
        assert (manifest["name"], manifest["start_url"], manifest["scope"]) == ("The Tea Room", "/chat/", "/chat/")
        assert manifest["display"] == "standalone"
        purposes = []
        for icon in manifest["icons"]:
            async with browser.get(server.url.removesuffix("/chat") + icon["src"]) as answer:
                with Image.open(io.BytesIO(await answer.read())) as picture:
                    assert icon["sizes"] == f"{picture.width}x{picture.height}"
            purposes.append((icon["sizes"], icon["purpose"]))
        assert purposes == [("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")]
        async with browser.get(f"{server.url}/apple-touch-icon.png") as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
        async with browser.get(f"{server.url}/r/lobby") as answer:
            assert 'rel="manifest" href="/chat/manifest.webmanifest"' in await answer.text()


async def test_the_worker_is_asked_for_each_time_and_stores_nothing(url: str) -> None:
    async with aiohttp.ClientSession() as browser:
        async with browser.get(f"{url}/sw.js") as answer:
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.content_type == "text/javascript"
            script, tag = await answer.text(), answer.headers["ETag"]
        assert "caches" not in script and "import " not in script
        assert Assets().content("js/service-worker.js").decode() in script
        async with browser.get(f"{url}/sw.js", headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304
        german = {"Cookie": "parlor_look=in.lang-de", "If-None-Match": tag}
        async with browser.get(f"{url}/sw.js", headers=german) as answer:
            assert (answer.status, answer.headers["Content-Language"]) == (200, "de"), "it is another one"
            assert Assets().content("languages/de/worker.js").decode() in (told := await answer.text())
            assert 'self.parlorPage = {"lang":"de","dir":"ltr"};' in told


async def test_the_manifest_and_the_worker_are_in_the_reader_s_language(url: str) -> None:
    async with aiohttp.ClientSession(url, headers={"Accept-Language": "ar"}) as browser:
        async with browser.get("/manifest.webmanifest") as answer:
            manifest = await answer.json(content_type=None)
            assert (answer.headers["Content-Language"], manifest["lang"], manifest["dir"]) == ("ar", "ar", "rtl")
        async with browser.get("/sw.js") as answer:
            script = await answer.text()
        assert script.startswith('self.parlorPage = {"lang":"ar","dir":"rtl"};')
        assert script.index("globalThis.parlorLanguage??={") < script.index('addEventListener("fetch"')


async def test_welcome_says_which_files_the_server_s_pages_have(url: str) -> None:
    async with Talker(url, "ann") as ann:
        assert ann.welcome["server"]["page"] == Assets().hash
