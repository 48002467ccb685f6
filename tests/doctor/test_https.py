"""Certificates, http and https: the proxy in front of Parlor ends TLS with a certificate of our own authority."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from app.tools.doctor import examine
from tests.browser.conftest import Start
from tests.doctor.certificates import Authority
from tests.doctor.conftest import Faults
from tests.doctor.test_faults import BOTH, line
from tests.doctor.test_sites import page, site
from tests.support.together import at_once

FIRST = "name and certificate"
LOOK = 0.2  # seconds
FORWARDED = {"says_proto": "https"}


@dataclass(frozen=True)
class Tls:
    """A certificate, and what the doctor says of it."""

    made: Callable[[Authority], ssl.SSLContext]
    check: str
    says: str
    exit_code: int

    def __str__(self) -> str:
        return self.says


BELIEVED = [
    Tls(lambda authority: authority.tls(), "ALPN", "pages by http/1.1, WebSockets by http/1.1", 0),
    Tls(lambda authority: authority.tls(), FIRST, "the certificate holds for 8", 0),
    Tls(lambda authority: authority.tls(), "mixed content", "loads nothing by http", 0),
    Tls(lambda authority: authority.tls(alpn=""), "ALPN", "WebSockets by HTTP/1.1", 0),
    Tls(lambda authority: authority.tls(alpn="h2"), "ALPN", "pages by h2, WebSockets by HTTP/1.1", 0),
    Tls(lambda authority: authority.tls(days=5), FIRST, "not renewed in time", 1),
    Tls(lambda authority: authority.tls(days=-1), FIRST, "has expired", 2),
    Tls(lambda authority: authority.tls(name="DNS:other.example"), FIRST, "is for another", 2),
    Tls(lambda authority: authority.self_signed(), FIRST, "is self-signed", 2),
]


async def test_each_certificate_is_judged_as_browsers_do(
    start_server: Start, faulty: Faults, believed: Authority
) -> None:
    server = await start_server(trust_proxies=1)

    async def trial(case: Tls) -> None:
        proxy = await faulty(server.url, tls=case.made(believed))
        vars(proxy).update(FORWARDED)
        report = await examine(proxy.url, idle=LOOK)
        said = line(report, case.check)[0]
        assert case.says in said.cause + said.seen, said
        assert report.exit_code == case.exit_code, report.findings
        assert line(report, "websocket")[0].verdict == "ok", "the rest is looked at all the same"

    await at_once(BELIEVED, trial)


async def test_an_authority_that_nobody_knows(start_server: Start, faulty: Faults, authority: Authority) -> None:
    server = await start_server()
    report = await examine((await faulty(server.url, tls=authority.tls())).url, idle=LOOK)
    assert "authority" in line(report, FIRST)[0].cause and report.exit_code == 2


async def test_a_tls_that_speaks_http2_alone(authority: Authority) -> None:
    authority.self_signed()
    async with authority.serving("h2") as url:
        report = await examine(url, idle=LOOK)
    assert "speaks HTTP/2 alone" in line(report, FIRST)[0].cause and report.exit_code == 2


async def test_http_on_the_port_of_https(start_server: Start) -> None:
    server = await start_server()
    report = await examine(server.url.replace("http:", "https:"), idle=LOOK)
    assert "speaks http" in line(report, FIRST)[0].cause and "http://127.0.0.1" in line(report, FIRST)[0].mend
    assert report.exit_code == 2


async def test_https_in_front_of_http(start_server: Start, faulty: Faults, believed: Authority, tmp_path: Path) -> None:
    """What the proxy forwards besides, and what that comes to."""

    async def says_nothing() -> None:
        server = await start_server()
        proxy = await faulty(server.url, tls=believed.tls())
        report = await examine(proxy.url, idle=LOOK)
        assert "sends no X-Forwarded-Proto" in line(report, "http to https")[0].cause
        assert "PARLOR_TRUST_PROXIES=1" in line(report, "http to https")[0].mend
        assert report.exit_code == 1 and set(report.usable) == set(BOTH)

    async def names_another_host() -> None:
        server = await start_server(data=tmp_path / "renamed")
        proxy = await faulty(server.url, tls=believed.tls())
        proxy.renames = "127.0.0.1:8000"
        report = await examine(proxy.url, idle=LOOK)
        assert "the proxy sends another Host" in line(report, "origin")[0].cause
        assert f"PARLOR_ORIGINS={proxy.url}" in line(report, "origin")[0].mend
        assert report.exit_code == 2

    async def serves_http_too() -> None:
        server = await start_server(trust_proxies=1, data=tmp_path / "too")
        proxy = await faulty(server.url, tls=believed.tls())
        vars(proxy).update(FORWARDED)
        report = await examine(proxy.url, idle=LOOK, plain=server.url)
        assert "served by http too" in line(report, "http to https")[0].cause and report.exit_code == 1

    async def redirects() -> None:
        server = await start_server(trust_proxies=1, force_https=True, data=tmp_path / "strict")
        proxy, plain = await faulty(server.url, tls=believed.tls()), await faulty(server.url)
        proxy.says_proto, plain.says_proto = "https", "http"
        report = await examine(proxy.url, idle=LOOK, plain=plain.url)
        assert "http redirects to https://" in line(report, "http to https")[0].seen and report.exit_code == 0

    async def redirects_in_a_circle() -> None:
        server = await start_server(trust_proxies=1, force_https=True, data=tmp_path / "circle")
        proxy = await faulty(server.url, tls=believed.tls())
        proxy.says_proto = "http"
        report = await examine(proxy.url, idle=LOOK)
        assert "redirects in a circle" in line(report, "http to https")[0].seen and report.exit_code == 2

    async def loads_parts_by_http() -> None:
        app = web.Application()
        app.router.add_get("/", page('<script src="http://cdn.example/a.js"></script><a href="http://b.example">b</a>'))
        async with site(app) as url:
            report = await examine((await faulty(url, tls=believed.tls())).url, idle=LOOK)
        assert line(report, "mixed content")[0].seen == "by http: http://cdn.example/a.js"

    ways = [says_nothing, names_another_host, serves_http_too, redirects, redirects_in_a_circle, loads_parts_by_http]
    await at_once(ways, lambda way: way())
