"""Which language a page is in, what it says of that, and what it loads for it."""

from html import unescape

import aiohttp
import pytest

from app.config import Settings
from app.languages import LANGUAGES
from app.web.language import accepted
from tests.conftest import Start
from tests.support.talker import Talker


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", ""),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("it, fr-CA;q=0.4, ar ; q=0.7", "ar"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("de;q=0.3,es;q=0.3", "de"),
        ("it,*;q=0.1", ""),
        ("de;q=0", ""),
        ("de;q=high,fr;q=0.1", "fr"),
        ("DE-de", "de"),
        ("de_DE, fr", "de"),
        ("deutsch, d, -", ""),
        (";;;,,q=1", ""),
        ("de;q=0.1," * 2_000 + "fr", "fr"),
    ],
)
def test_the_language_is_the_one_of_ours_that_is_wanted_most(asked: str, language: str) -> None:
    assert accepted(asked) == language


def test_the_site_can_have_each_language() -> None:
    assert Settings.model_fields["language"].annotation is not None
    assert [Settings(language=one).language for one in LANGUAGES] == list(LANGUAGES)


async def test_a_page_is_in_the_reader_s_language(start_server: Start) -> None:
    server = await start_server(language="fr")
    cases = [
        ("", "", "fr"),
        ("it", "", "fr"),
        ("de-AT,en;q=0.5", "", "de"),
        ("de", "parlor_look=in.dark.lang-ar", "ar"),
        ("de", "parlor_look=lang-tlh.dark", "de"),
        ("de", "parlor_look=lang-", "de"),
        ("de", "parlor_look=lang-en", "en"),
    ]
    async with aiohttp.ClientSession(server.url) as browser:
        for asked, cookie, language in cases:
            headers = {name: value for name, value in (("Accept-Language", asked), ("Cookie", cookie)) if value}
            for path in ("/", "/r/lobby", "/r/lobby/log", "/echo", "/diagnostics"):
                async with browser.get(path, headers=headers) as answer:
                    html = await answer.text()
                    said = answer.headers["Content-Language"], answer.headers["Vary"]
                assert said == (language, "Accept-Language, Cookie, Accept-Encoding"), (path, asked, cookie)
                assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in html
                has_words = language != "en" and "<script" in html  # English is in the code
                assert ("/languages/" in html) == has_words, (path, language)


async def test_the_dialogs_of_a_page_are_in_its_language_whatever_was_chosen_meanwhile(start_server: Start) -> None:
    server = await start_server()
    async with aiohttp.ClientSession(server.url) as browser:
        async with browser.get("/r/lobby", headers={"Accept-Language": "de"}) as answer:
            later = (await answer.text()).partition('data-later="')[2].split()[0]
        for path, language in ((later, "de"), ("/dialogs", "ar"), ("/dialogs?lang=../de", "ar")):
            async with browser.get(path, headers={"Cookie": "parlor_look=lang-ar"}) as answer:
                assert f'<html lang="{language}"' in await answer.text()
                assert answer.headers["Content-Language"] == language


async def test_a_language_is_chosen_without_a_script_and_stays(start_server: Start) -> None:
    """All else that the cookie says stays as well, and the way leads back to the same page, without entering a room."""
    server = await start_server(base_path="/chat")
    site = server.url.removesuffix("/chat")
    async with aiohttp.ClientSession(site, headers={"Cookie": "parlor_look=in.dark.compact"}) as browser:
        for path, back in (
            ("/chat/", "/chat/"),
            ("/chat/r/lobby?nickname=ann&offered=b&x=%22", "/chat/r/lobby?x=%22"),
            ("/chat/r/lobby/log", "/chat/r/lobby/log"),
            ("/chat/diagnostics", "/chat/diagnostics"),
            ("/chat/echo", "/chat/echo"),
        ):
            async with browser.get(path) as answer:
                html = unescape(await answer.text())
            assert (
                f'action="/chat/language" aria-label="Language">\n<input type="hidden" name="back" value="{back}">'
                in html
            )
            assert '<span lang="en" dir="ltr" aria-current="true">English</span>' in html
            assert 'name="language" value="ar" lang="ar" dir="rtl">العربية</button>' in html
        form = {"language": "ar", "back": back}
        async with browser.post("/chat/language", data=form, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, back)
            assert answer.headers["Cache-Control"] == "no-store"
            cookie = answer.headers["Set-Cookie"]
        assert cookie == "parlor_look=in.dark.compact.lang-ar; Max-Age=31536000; Path=/chat; SameSite=Lax"
        async with browser.get(back, headers={"Cookie": cookie.partition(";")[0]}) as answer:
            assert '<html lang="ar" dir="rtl" data-theme="dark" data-rows="compact">' in await answer.text()
        for unknown in ({"language": "tlh"}, {"language": ""}, {}):
            async with browser.post("/chat/language", data=unknown, headers={"Accept": "text/html"}) as answer:
                assert answer.status == 404 and "There is no such language here." in await answer.text()
                assert "Set-Cookie" not in answer.headers


async def test_within_a_page_of_another_site_a_language_is_kept_as_the_script_keeps_it(start_server: Start) -> None:
    server = await start_server(trust_proxies=1, embed=("https://example.org",))
    headers = {"X-Forwarded-Proto": "https", "Sec-Fetch-Dest": "iframe"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as browser,
        browser.post("/language", data={"language": "de"}, allow_redirects=False) as answer,
    ):
        cookie = answer.headers["Set-Cookie"]
    assert cookie == "parlor_look=lang-de; Max-Age=31536000; Path=/; SameSite=None; Secure; Partitioned"


@pytest.mark.parametrize("base_path", ["", "/chat"])
async def test_choosing_a_language_leads_to_no_other_site(start_server: Start, base_path: str) -> None:
    server = await start_server(base_path=base_path)
    elsewhere = [
        *("", "//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:alert(1)", "evil.example"),
        *("/\t/evil.example", "/r/x\r\nSet-Cookie: a=b", " /r/x", "/r/ümlaut", "/" + 5_000 * "a"),
    ]
    upwards = ["/../admin", "/r/..", "/%2e%2E/admin", "/r/.%2e?x", "/./..//evil.example"]
    async with aiohttp.ClientSession(server.url.removesuffix(base_path)) as browser:
        for back in [*elsewhere, *(base_path + one for one in upwards)]:
            form = {"language": "de", "back": back}
            async with browser.post(f"{base_path}/language", data=form, allow_redirects=False) as answer:
                assert (answer.status, answer.headers["Location"]) == (303, f"{base_path}/"), back


async def test_the_words_of_the_scripts_stand_before_them_and_are_cached_for_ever(start_server: Start) -> None:
    server = await start_server(base_path="/chat")
    german = {"Accept-Language": "de", "Cookie": "parlor_look=in"}  # was here before
    async with aiohttp.ClientSession(server.url.removesuffix("/chat"), headers=german) as browser:
        for path, name in (("/chat/r/lobby", "main"), ("/chat/", "landing"), ("/chat/diagnostics", "diagnostics")):
            async with browser.get(path) as answer:
                html = await answer.text()
            words = html.partition('<script defer src="')[2].partition('"')[0]
            assert words.startswith("/chat/static/") and words.endswith(f"/languages/de/{name}.js")
            assert html.index(words) < html.index('<script type="module"')
            async with browser.get(words) as answer:
                assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert (await answer.text()).startswith("globalThis.parlorLanguage??={")


async def test_whoever_looks_at_a_link_loads_no_words_of_the_chat_yet(start_server: Start) -> None:
    server = await start_server()
    async with (
        aiohttp.ClientSession(server.url, headers={"Accept-Language": "de"}) as browser,
        browser.get("/r/lobby") as answer,
    ):
        html = await answer.text()
    assert "<script defer" not in html
    for part, name in (("words", "main"), ("later-words", "main-later"), ("wanted-words", "main-wanted")):
        assert html.partition(f'data-{part}="')[2].partition('"')[0].endswith(f"/languages/de/{name}.js")


async def test_an_error_is_told_in_the_reader_s_language(start_server: Start) -> None:
    server = await start_server()
    headers = {"Accept-Language": "ar", "Accept": "text/html"}
    async with aiohttp.ClientSession(server.url, headers=headers) as browser:
        for path in ("/nothing", "/r/ümlaut", "/r/nobody-was-here/log"):
            async with browser.get(path) as answer:
                assert (answer.status, answer.headers["Content-Language"]) == (404, "ar")
                assert '<html lang="ar" dir="rtl">' in await answer.text()


async def test_a_log_has_its_days_as_the_reader_writes_them(start_server: Start) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice, aiohttp.ClientSession(server.url) as browser:
        await alice.join("lobby")
        await alice.say("lobby", "Guten Tag")
        async with browser.get("/r/lobby/log", headers={"Accept-Language": "de"}) as answer:
            german = await answer.text()
    days = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
    assert any(f">{day}, " in german for day in days)
