"""Sites that cannot be reached, are not believed, are not Parlor, or are several; and how many WebSockets they hold."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from app.tools.doctor import backend, examine, polling
from app.tools.doctor.site import site_of
from tests.browser.conftest import Start
from tests.doctor.conftest import Faults
from tests.doctor.test_faults import line
from tests.support import PATIENCE
from tests.support.mounted import stock_server
from tests.support.postgres import Cluster
from tests.support.process import free_port, serving
from tests.support.proxy import Fault
from tests.support.redis import redis_server
from tests.support.together import at_once

FIRST = "name and certificate"
pytestmark = pytest.mark.slow

LOOK = 0.2  # seconds


@asynccontextmanager
async def site(app: web.Application) -> AsyncIterator[str]:
    """Somebody else's site."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    return answer


@pytest.mark.parametrize("address", ["", "htp://chat.example.org", "https://", "http://a b", "https://chat:port"])
async def test_what_is_no_address_is_said_so(address: str) -> None:
    report = await examine(address)
    assert line(report, FIRST)[0].cause == "the address"
    assert report.exit_code == 2


async def test_a_name_that_leads_nowhere() -> None:
    report = await examine("https://chat.invalid")
    assert "leads nowhere" in line(report, FIRST)[0].seen and "DNS" in line(report, FIRST)[0].cause
    assert {one.verdict for name, one in report.findings if name != FIRST} == {"unknown"}
    assert line(report, "websocket")[0].seen == "not looked at, because nothing answers"
    assert report.exit_code == 2


async def test_a_dead_port() -> None:
    with socket.socket() as taken:  # bound, so that nobody else gets it, and not listening
        taken.bind(("127.0.0.1", 0))
        report = await examine(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert "nothing listens" in line(report, FIRST)[0].cause
    assert report.exit_code == 2


async def test_a_port_that_speaks_no_http() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    report = await examine(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
    listening.close()
    assert "no answer that is HTTP" in line(report, "clock and latency")[0].seen
    assert report.exit_code == 2


async def test_what_a_server_does_beyond_talk_is_told(start_server: Start) -> None:
    server = await start_server(previews="on")
    (found,) = await backend.readiness(site_of(server.url))
    assert (found.seen, found.verdict) == ("ready; previews: on", "ok")


async def test_a_site_that_is_not_parlor() -> None:
    app = web.Application()
    app.router.add_get("/", page("<h1>It works!</h1>"))
    async with site(app) as url:
        report = await examine(url, idle=LOOK)
    assert "not Parlor" in line(report, "processes")[0].cause
    assert "nothing speaks Socket.IO" in line(report, "polling handshake")[0].cause
    assert "does not send WebSocket handshakes" in line(report, "websocket")[0].cause
    assert report.exit_code == 2


async def test_a_site_that_answers_everything_with_its_page() -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page("<h1>It works!</h1>"))
    async with site(app) as url:
        report = await examine(url, idle=LOOK)
    assert "nothing speaks Socket.IO" in line(report, "polling handshake")[0].cause
    assert "answers the handshake with a page" in line(report, "websocket")[0].cause
    assert report.exit_code == 2


async def test_what_takes_its_time_is_waited_for_no_longer_than_a_limit(faulty: Faults) -> None:
    async def mute() -> None:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(listen, "127.0.0.1", 0)
        report = await examine(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        listening.close()
        assert "no web server, or it hangs" in line(report, "clock and latency")[0].cause
        assert report.exit_code == 2

    async def storm() -> None:
        """A proxy drops what the server says through a WebSocket, and the stock server answers polls at once while an
        upgrade hangs (FACTS, item 3), hundreds of times a second."""
        app = web.Application()
        stock_server({}, {}).attach(app)
        async with site(app) as url:
            proxy = await faulty(url)
            proxy.drops_frames = True
            report = await examine(proxy.url, idle=LOOK)
        assert "passes no frames" in line(report, "websocket")[0].cause
        assert "while an upgrade hangs" in line(report, "poll storm")[0].cause
        assert report.usable == ["polling"]

    await at_once([mute, storm], lambda scenario: scenario())


async def test_our_own_server_is_asked_less_than_five_times_a_second_beside_a_hanging_upgrade(
    start_server: Start, faulty: Faults
) -> None:
    proxy = await faulty((await start_server()).url)
    proxy.drops_frames = True
    known = site_of(proxy.url, watch_s=1.0)
    known.facts.add("upgrade")
    [found] = await polling.storm(known)
    assert found.verdict == "ok", found.seen


async def test_several_processes_of_one_parlor_are_well(faulty: Faults, tmp_path: Path) -> None:
    async with redis_server(tmp_path / "redis") as redis:
        more: dict[str, str] = {"REDIS_URL": redis.url}
        async with serving(tmp_path / "data", **more) as one, serving(tmp_path / "data", **more) as other:
            report = await examine((await faulty(one.url, other.url)).url, idle=LOOK)
            assert "2 processes of one Parlor" in line(report, "processes")[0].seen
            assert "no stickiness is needed" in line(report, "stickiness")[0].seen
            assert (report.usable, report.exit_code) == (["websocket", "polling"], 0)
            await redis.kill()
            async with asyncio.timeout(PATIENCE):
                while "Redis is away" not in line(report, "processes")[0].cause:
                    report = await examine((await faulty(one.url, other.url)).url, idle=LOOK)
            assert report.exit_code == 1


async def test_of_processes_on_postgresql_alone_it_is_told_what_takes_redis(
    faulty: Faults, postgres: Cluster, tmp_path: Path
) -> None:
    more: dict[str, str] = {"DATABASE_URL": postgres.database()}
    async with serving(tmp_path / "one", **more) as one, serving(tmp_path / "other", **more) as other:
        known = site_of((await faulty(one.url, other.url)).url)
        async with asyncio.timeout(PATIENCE):
            while known.others != {"notify"}:
                findings = await backend.processes(known)
        [found] = findings
        assert "2 processes of one Parlor" in found.seen
        assert "the list of people" in found.cause and "late" not in found.cause


async def test_several_processes(faulty: Faults, tmp_path: Path) -> None:
    """Each boot id is another process; two servers of one process would share it."""

    async def without_stickiness(urls: list[str]) -> None:
        report = await examine((await faulty(*urls)).url, idle=LOOK)
        assert "several processes answer" in line(report, "processes")[0].cause
        assert "several processes, and no stickiness" in line(report, "stickiness")[0].cause
        assert report.usable == ["websocket"] and report.exit_code == 1

    async def without_websockets_either(urls: list[str]) -> None:
        proxy = await faulty(*urls)
        proxy.websocket = Fault.STRIPPED
        assert (await examine(proxy.url, idle=LOOK)).exit_code == 2

    async def one_of_them_dead(urls: list[str]) -> None:
        proxy = await faulty(urls[0], f"http://127.0.0.1:{free_port()}")
        report = await examine(proxy.url, idle=LOOK)
        assert "some requests do not arrive" in line(report, "processes")[0].cause

    both = "--overlap", "600"
    async with serving(tmp_path / "data") as one, serving(tmp_path / "data", *both) as other:
        scenarios = [without_stickiness, without_websockets_either, one_of_them_dead]
        await at_once(scenarios, lambda scenario: scenario([one.url, other.url]))


async def test_the_number_of_websockets(start_server: Start, faulty: Faults, tmp_path: Path) -> None:
    async def trial(most: int | None) -> None:
        server = await start_server(max_websockets=most, data=tmp_path / str(most))
        [found] = line(await examine(server.url, idle=LOOK, most=12), "websocket limit")
        assert found.verdict == "ok"
        assert ("5 of 12 at once, then 503" in found.seen) if most else (found.seen == "12 at once")

    await at_once([5, None], trial)


async def test_the_number_of_websockets_that_a_host_allows(start_server: Start, faulty: Faults) -> None:
    proxy = await faulty((await start_server()).url)
    proxy.holds, proxy.adds = 5, ("Set-Cookie: ARRAffinity=1; Path=/", "x-ms-request-id: 7")
    report = await examine(proxy.url, idle=LOOK, most=20)
    [found] = line(report, "websocket limit")
    assert found.seen == "5 of 20 at once, then 503; polling still works"
    assert found.verdict == "warn" and "PARLOR_MAX_WEBSOCKETS=5" in found.mend
    assert report.exit_code == 1


async def test_a_site_under_a_path_is_looked_at_there(start_server: Start) -> None:
    server = await start_server(base_path="/chat")
    for address in (server.url, f"{server.url}/", f"{server.url}/r/lobby"):
        report = await examine(address, idle=LOOK)
        assert report.exit_code == 0, report.findings
        assert line(report, "websocket")[0].verdict == "ok"
    elsewhere = await examine(server.url.removesuffix("/chat"), idle=LOOK)
    assert elsewhere.exit_code == 2


@pytest.mark.parametrize(
    ("address", "base"),
    [
        ("https://a.example", ""),
        ("https://a.example/r/lobby", ""),
        ("https://a.example/chat", "/chat"),
        ("https://a.example/chat/", "/chat"),
        ("https://a.example/chat/diagnostics", "/chat"),
        ("https://a.example/a/b/r/lobby", "/a/b"),
    ],
)
async def test_the_path_of_a_site_is_what_stands_before_its_pages(address: str, base: str) -> None:
    assert site_of(address).root == f"https://a.example{base}"
