"""Hosts are told by their headers, and have their own way to mend what is wrong."""

from app.tools.doctor import examine, sockets
from app.tools.doctor.site import site_of
from tests.browser.conftest import Start
from tests.doctor.conftest import Faults
from tests.doctor.test_faults import line
from tests.support.proxy import Fault
from tests.support.together import at_once

# Header lines -> the host, a problem, and what stands in its mend of that.
HOSTS = {
    ("Server: cloudflare", "CF-RAY: 8f-FRA"): ("Cloudflare", "upgrade", "Network > WebSockets"),
    ("Via: 1.1 vegur",): ("Heroku", "sticky", "heroku ps:scale web=1"),
    ("Via: 1.1 heroku-router",): ("Heroku", "processes", "heroku ps:scale web=1"),
    ("Set-Cookie: ARRAffinity=7; Path=/",): ("Azure App Service", "upgrade", "--web-sockets-enabled true"),
    ("Server: Microsoft-IIS/10.0", "X-Powered-By: ASP.NET"): ("IIS", "upgrade", '<webSocket enabled="true" />'),
    ("x-railway-request-id: 7",): ("Railway", "sticky", "Replicas 1"),
    ("Server: railway-edge",): ("Railway", "processes", "Replicas 1"),
    ("x-render-origin-server: uvicorn",): ("Render", "down", "exec python -m app"),
    ("rndr-id: 7",): ("Render", "sticky", "1 instance"),
    ("Server: nginx/1.22.1",): ("nginx", "upgrade", "proxy_set_header Upgrade $http_upgrade"),
    ("fly-request-id: 7",): ("Fly", "processes", "fly scale count 1"),
    ("x-azure-ref: 7",): ("Azure Front Door", "sticky", "session affinity"),
    ("Server: Apache/2.4.57 (Debian)",): ("Apache", "upgrade", "upgrade=websocket"),
    ("Via: 1.1 Caddy",): ("Caddy", "", ""),
}


async def test_hosts_are_recognised_and_have_mends_of_their_own(start_server: Start, faulty: Faults) -> None:
    server = await start_server()

    async def trial(lines: tuple[str, ...]) -> None:
        name, problem, mend = HOSTS[lines]
        proxy = await faulty(server.url)
        proxy.adds, proxy.takes, proxy.websocket = lines, ("server",), Fault.STRIPPED
        site = site_of(proxy.url)
        assert (await site.get("/healthz")).status == 200
        assert [host.name for host in site.recognised] == [name]
        if problem:
            assert site.mend(problem, "").startswith(f"{name}: ") and mend in site.mend(problem, "")
        if problem == "upgrade":
            [found] = await sockets.handshake(site)
            assert mend in found.mend

    await at_once(HOSTS, trial)


async def test_a_host_in_front_of_another_is_told_too(start_server: Start, faulty: Faults) -> None:
    proxy = await faulty((await start_server()).url)
    proxy.adds, proxy.takes, proxy.websocket = ("CF-RAY: 8f-FRA", "Via: 1.1 vegur"), ("server",), Fault.STRIPPED
    report = await examine(proxy.url, idle=0.2)
    assert report.host == "Cloudflare, Heroku" and report.exit_code == 1
    assert line(report, "websocket")[0].mend == "Cloudflare: switch on Network > WebSockets."
