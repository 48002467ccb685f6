"""Each fault between a browser and a site, and the line on which the doctor names its cause."""

import asyncio
from pathlib import Path

import pytest

from app.tools.doctor import Finding, Report, examine
from tests.browser.conftest import Start
from tests.doctor.conftest import Faults
from tests.doctor.faults import Case
from tests.support.proxy import Fault
from tests.support.together import at_once

pytestmark = pytest.mark.slow

BOTH = ("websocket", "polling")
SIDE_BY_SIDE = 12  # examinations; more would make one another look slow

CASES = [
    Case("Upgrade stripped", "websocket", "strips the Upgrade header", "Upgrade", proxy={"strips": "upgrade"}),
    Case(
        "Connection stripped", "websocket", "strips the Connection header", "IIS", proxy={"strips": "connection"}
    ),
    Case("both stripped", "websocket", "strips the Upgrade header", "nginx", proxy={"websocket": Fault.STRIPPED}),
    Case("redirected", "websocket", "is redirected to", "not /socket.io/", proxy={"refuses": 308}),
    Case("403", "websocket", "a firewall or a rule of the proxy forbids", "rules", proxy={"refuses": 403}),
    Case("429", "websocket", "one too many", "PARLOR_MAX_WEBSOCKETS", proxy={"refuses": 429}),
    Case("502", "websocket", "could not speak to Parlor for the upgrade", "HTTP/1.1", proxy={"refuses": 502}),
    Case("503", "websocket", "no room for another WebSocket", "plan", proxy={"refuses": 503}),
    Case("504", "websocket", "waited for an answer's end", "forward upgrades", proxy={"refuses": 504}),
    Case("hang", "websocket", "holds the handshake back", "forward upgrades", proxy={"websocket": Fault.HANGS}),
    Case("101, then close", "websocket", "does not keep the connection", "tunnel", proxy={"websocket": Fault.CLOSED}),
    Case("101, then silence", "websocket", "passes no frames", "tunnel", proxy={"websocket": Fault.SILENT}),
    Case(
        "idle connections cut",
        "idle poll",
        "cuts requests that are silent",
        "PARLOR_PING_INTERVAL",
        transports=BOTH,
        proxy={"idle": 0.7},
        choices={"idle": 4.0},  # both clocks run in this one busy loop
    ),
    Case(
        "cached handshakes",
        "caching",
        "everybody gets the same session",
        "exempt /socket.io/",
        transports=("websocket",),
        proxy={"caches": True},
    ),
    Case(
        "cached pages",
        "caching",
        "two visitors become one person",
        "no-store",
        transports=BOTH,
        proxy={"caches_pages": True},
    ),
    Case(
        "Cache-Control gone", "caching", "replaces Cache-Control", transports=BOTH, proxy={"takes": ("cache-control",)}
    ),
    Case(
        "compression that kills where it is offered",
        "compression",
        "breaks WebSockets that offer permessage-deflate",
        "Sec-WebSocket-Extensions",
        proxy={"squeezes": "offered"},
    ),
    Case("another Host", "origin", "does not know that it is reached by this name", "PARLOR_TRUST_PROXIES=1",
         exit_code=2, transports=(), proxy={"renames": "inside:8000"}),
    Case("any origin", "origin", "lets any page of the web connect", transports=BOTH, settings={"origins": ("*",)}),
    Case("a storm of polls", "poll storm", "polls come back at once with nothing", transports=("websocket",),
         proxy={"squanders": True}),
    Case("a policy that forbids connections", "CSP", "forbids the page its connections", "connect-src 'self'",
         exit_code=2, transports=(), proxy={"adds": ("Content-Security-Policy: connect-src 'none'",)}),
    Case("no policy", "CSP", "takes it away", transports=BOTH, proxy={"takes": ("content-security-policy",)}),
    Case("all 502", "processes", "does not reach Parlor", "port", exit_code=2, transports=(), proxy={"down": 502}),
    Case("all 503", "polling handshake", "no process to send", exit_code=2, transports=(), proxy={"down": 503}),
    Case("all 403", "processes", "refuses strangers", exit_code=2, transports=(), proxy={"down": 403}),
    Case("a slow heartbeat", "idle poll", "longer than the 30 s", "20", transports=BOTH,
         settings={"ping_interval": 45.0}),
    Case("WebSockets used up", "websocket", "as many WebSockets are open as PARLOR_MAX_WEBSOCKETS allows",
         settings={"max_websockets": 0}),
]  # fmt: skip
HEALTHY = [
    Case("ok", "websocket", "", exit_code=0, transports=BOTH),
    Case("a short heartbeat", "idle survival", "", exit_code=0, transports=BOTH, settings={"ping_interval": 0.4}),
    Case("polling alone", "websocket", "", exit_code=0, settings={"transports": ("polling",)}),
    Case("polling alone, where WebSockets would not pass", "idle poll", "", exit_code=0,
         settings={"transports": ("polling",)}, proxy={"websocket": Fault.HANGS}),
    Case("an age of the server's own", "idle survival", "", exit_code=0, transports=BOTH,
         settings={"max_connection_age": 5.0}, choices={"idle": 7.0}),
    Case("websocket alone", "polling handshake", "", exit_code=0, transports=("websocket",),
         settings={"transports": ("websocket",)}),
]  # fmt: skip


SLOW = [
    Case("silence", "idle poll", " to 2.", "PARLOR_PING_INTERVAL=1", exit_code=1, transports=BOTH,
         proxy={"idle": 2.0}, choices={"idle": 4.0}),
    Case("silence of a WebSocket", "idle survival", " to 1.", "PARLOR_PING_INTERVAL=1", exit_code=1,
         transports=BOTH, proxy={"idle": 2.0}, choices={"idle": 4.0}),
    Case("age", "idle survival", "whatever passes", "longest duration", exit_code=1, transports=BOTH,
         proxy={"age": 4.0}, settings={"ping_interval": 0.6}, choices={"idle": 6.0}),
    Case("an age that is shorter than the line", "websocket", "the server ends connections", "MAX_CONNECTION_AGE",
         transports=(), settings={"max_connection_age": 1.0}),
]  # fmt: skip


def line(report: Report, check: str) -> list[Finding]:
    return [finding for name, finding in report.findings if name == check]


async def test_each_fault_is_named_on_its_line(start_server: Start, faulty: Faults, tmp_path: Path) -> None:
    turns = asyncio.Semaphore(SIDE_BY_SIDE)

    async def trial(case: Case) -> None:
        async with turns:
            server = await start_server(data=tmp_path / case.name, **case.settings)
            proxy = await faulty(server.url)
            vars(proxy).update(case.proxy)
            report = await examine(proxy.url, **case.choices)
        said = line(report, case.check)
        named = [one for one in said if one.verdict in ("warn", "bad") and case.says in one.cause]
        assert named, said
        assert all(one.seen and one.mend for one in named)
        assert case.mend in named[0].mend
        assert set(report.usable) == set(case.transports), report.site and report.site.works
        assert report.exit_code == case.exit_code

    await at_once(CASES, trial)


async def test_what_is_well_or_chosen_is_no_fault(start_server: Start, faulty: Faults, tmp_path: Path) -> None:
    async def trial(case: Case) -> None:
        server = await start_server(data=tmp_path / case.name, **case.settings)
        proxy = await faulty(server.url)
        vars(proxy).update(case.proxy)
        report = await examine(proxy.url, **case.choices)
        wrong = [(name, one) for name, one in report.findings if one.verdict in ("warn", "bad")]
        assert wrong == []
        assert report.exit_code == 0
        assert set(report.usable) == set(case.transports)
        assert line(report, case.check)[0].verdict in ("ok", "unknown")

    await at_once(HEALTHY, trial)


SLOW_MS = 500  # each way


async def test_on_a_slow_line_what_cuts_is_told_by_what_it_saw(
    start_server: Start, faulty: Faults, tmp_path: Path
) -> None:
    async def trial(case: Case) -> None:
        report = await over_a_slow_line(start_server, faulty, tmp_path, case)
        named = [one for one in line(report, case.check) if one.verdict in ("warn", "bad")]
        assert case.says in named[0].cause, named
        assert case.mend in named[0].mend
        assert set(report.usable) == set(case.transports)

    await at_once(SLOW, trial)


async def test_a_slow_line_with_nothing_on_the_way_is_whole(
    start_server: Start, faulty: Faults, tmp_path: Path
) -> None:
    """No heartbeat is overlooked, for the server sends no other before its answer; no upgrade seems to hang."""
    case = Case("heartbeats", "", "heartbeats", settings={"ping_interval": 1.0}, choices={"idle": 5.0})
    report = await over_a_slow_line(start_server, faulty, tmp_path, case)
    for check in ("idle poll", "idle survival", "poll storm"):
        (found,) = line(report, check)
        assert found.verdict == "ok", found
        assert case.says in found.seen or check == "poll storm"
        assert "beside an upgrade" not in found.seen


async def over_a_slow_line(start_server: Start, faulty: Faults, folder: Path, case: Case) -> Report:
    server = await start_server(data=folder / case.name, **case.settings)
    proxy = await faulty(server.url)
    vars(proxy).update(case.proxy, delay=SLOW_MS / 1000)
    return await examine(proxy.url, **case.choices)
