"""The doctor: what is wrong between a browser and a site, and how to mend it. It sees only what a browser could see.

    report = await examine("https://chat.example.org", tell=lambda name, finding: print(lines(name, finding)))
    report.exit_code  # 0 healthy, 1 degraded, 2 broken

CHECKS are all checks, in order. docs/doctor.md says what each line means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlsplit

from app.tools.doctor import backend, page, polling, reachability, sockets, streaming
from app.tools.doctor.report import Report, lines
from app.tools.doctor.site import BadAddress, Finding, Site, site_of, skipped

__all__ = ["CHECKS", "Check", "Finding", "Report", "examine", "lines"]

Tell = Callable[[str, Finding], None]
WATCH_S = 7.0  # for which idle connections are watched, by default
CHECK_TIMEOUT_S = 25.0  # for one check, besides the time for which it watches


@dataclass(frozen=True)
class Check:
    """One check. needs: a fact that an earlier check must have found. of: the transport that it is about, which the
    operator may have switched off. waits: neighbours that wait run at the same time."""

    name: str
    run: Callable[[Site], Awaitable[list[Finding]]]
    needs: str = "answers"
    of: str = ""
    waits: bool = False


CHECKS = (
    Check("name and certificate", reachability.certificate, needs=""),
    Check("http to https", reachability.https, needs="connection"),
    Check("clock and latency", reachability.clock, needs="connection"),
    Check("processes", backend.processes),
    Check("readiness", backend.readiness),
    Check("polling handshake", polling.handshake),
    Check("caching", backend.caching, needs="handshake", of="polling"),
    Check("stickiness", backend.stickiness, needs="handshake", of="polling"),
    Check("origin", page.origins),
    Check("websocket", sockets.handshake, of="websocket"),
    Check("compression", sockets.deflate, needs="websocket", of="websocket"),
    Check("ALPN", sockets.alpn, needs="connection", of="websocket"),
    Check("idle poll", polling.idle, needs="polling", of="polling", waits=True),
    Check("idle survival", sockets.idle, needs="websocket", of="websocket", waits=True),
    Check("server-sent events", streaming.stream, waits=True),
    Check("websocket limit", sockets.limit, needs="websocket", of="websocket"),
    Check("poll storm", polling.storm, needs="handshake", of="polling"),
    Check("mixed content", page.mixed),
    Check("CSP", page.csp),
)
BECAUSE = {
    "connection": "the site cannot be reached",
    "answers": "nothing answers",
    "handshake": "there is no polling handshake",
    "polling": "polling does not work",
    "websocket": "no WebSocket stands that a browser could use",
}


async def examine(
    url: str, *, idle: float | None = None, most: int = 0, plain: str = "", tell: Tell = lambda *_: None
) -> Report:
    """Run all checks. Never raises for what is wrong with the site, never hangs.

    idle: seconds for which silent connections are watched. most: WebSockets to open at once, to find their limit; 0:
    none. plain: where the same site answers by http, if its port does not tell. tell: called with every finding at
    once.
    """
    told: list[tuple[str, Finding]] = []

    def note(name: str, findings: Iterable[Finding]) -> None:
        for finding in findings:
            told.append((name, finding))
            tell(name, finding)

    try:
        site = await _find(url, watch_s=WATCH_S if idle is None else idle, most=most, plain=plain)
    except BadAddress as fault:
        note(
            CHECKS[0].name, [Finding(str(fault), "bad", "the address", "python -m app doctor https://chat.example.org")]
        )
        return Report(url, None, told)
    for _, group in groupby(enumerate(CHECKS), key=lambda one: "waits" if one[1].waits else one[0]):
        checks = [check for _, check in group]
        for check, findings in zip(checks, await asyncio.gather(*(_run(check, site) for check in checks)), strict=True):
            note(check.name, findings)
    return Report(url, site, told)


async def _find(url: str, watch_s: float, most: int, plain: str) -> Site:
    """The site; by https where its http address redirects there."""
    site = site_of(url, watch_s=watch_s, most=most, plain=plain)
    if site.secure or site.is_private:
        return site
    target = urlsplit((await site.get("/")).headers.get("location", ""))
    if target.scheme == "https" and target.hostname == site.host:
        return site_of(f"https://{target.netloc}{site.base}", watch_s=watch_s, most=most, plain=site.root)
    return site


async def _run(check: Check, site: Site) -> list[Finding]:
    if check.needs and check.needs not in site.facts:
        return skipped(BECAUSE[check.needs])
    if check.of and check.of not in site.offered:
        return skipped(f"{check.of} is switched off here (PARLOR_TRANSPORTS)")
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S + (site.watch_s if check.waits else site.most)):
            return await check.run(site)
    except TimeoutError:
        cause = "answers come, but so slowly that no chat is possible"
        return [Finding("took too long to look at", "bad", cause, "see the load of the server and its way.")]
