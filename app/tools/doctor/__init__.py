"""The doctor: what is wrong between a browser and a site, and how to mend it. A stranger, who knows nothing of ours.

    report = await examine("https://chat.example.org", tell=lambda name, finding: print(lines(name, finding)))
    report.exit_code  # 0 healthy, 1 degraded, 2 broken

CHECKS is the whole of it, in order. docs/doctor.md tells what each line means.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlsplit

from app.tools.doctor import house, page, polling, reach, sockets
from app.tools.doctor.report import Report, lines
from app.tools.doctor.site import BadAddress, Finding, Site, site_of, unlooked

__all__ = ["CHECKS", "Check", "Finding", "Report", "examine", "lines"]

Tell = Callable[[str, Finding], None]
LOOK = 7.0  # seconds for which idle connections are watched where nobody asks for more
LIMIT = 25.0  # seconds that a check may take beside what it watches


@dataclass(frozen=True)
class Check:
    """One thing to look at. `needs` is a fact that an earlier one must have found; `of` the transport it is about,
    which the operator may have switched off; neighbours that wait are looked at beside each other."""

    name: str
    look: Callable[[Site], Awaitable[list[Finding]]]
    needs: str = "answers"
    of: str = ""
    waits: bool = False


CHECKS = (
    Check("name and certificate", reach.certificate, needs=""),
    Check("http to https", reach.https, needs="connection"),
    Check("clock and latency", reach.clock, needs="connection"),
    Check("processes", house.processes),
    Check("polling handshake", polling.handshake),
    Check("caching", house.caching, needs="handshake", of="polling"),
    Check("stickiness", house.stickiness, needs="handshake", of="polling"),
    Check("origin", page.origins),
    Check("websocket", sockets.handshake, of="websocket"),
    Check("compression", sockets.deflate, needs="websocket", of="websocket"),
    Check("ALPN", sockets.alpn, needs="connection", of="websocket"),
    Check("idle poll", polling.idle, needs="polling", of="polling", waits=True),
    Check("idle survival", sockets.idle, needs="websocket", of="websocket", waits=True),
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
    """Look at a site as a stranger. Never raises for what is wrong with it, never hangs.

    idle: seconds for which silent connections are watched. most: WebSockets to open at once at the most; 0: none beside
    those that are needed. plain: where the same site answers by http, if its port does not tell. tell: hears every
    finding at once.
    """
    told: list[tuple[str, Finding]] = []

    def note(name: str, findings: Iterable[Finding]) -> None:
        for finding in findings:
            told.append((name, finding))
            tell(name, finding)

    try:
        site = await _arrive(url, look=LOOK if idle is None else idle, most=most, plain=plain)
    except BadAddress as fault:
        note(
            CHECKS[0].name, [Finding(str(fault), "bad", "the address", "python -m app doctor https://chat.example.org")]
        )
        return Report(url, None, told)
    for _, group in groupby(enumerate(CHECKS), key=lambda one: "waits" if one[1].waits else one[0]):
        checks = [check for _, check in group]
        for check, findings in zip(
            checks, await asyncio.gather(*(_look(check, site) for check in checks)), strict=True
        ):
            note(check.name, findings)
    return Report(url, site, told)


async def _arrive(url: str, look: float, most: int, plain: str) -> Site:
    """The site, by https where its http address leads there."""
    site = site_of(url, look=look, most=most, plain=plain)
    if site.secure or site.is_private:
        return site
    target = urlsplit((await site.get("/")).headers.get("location", ""))
    if target.scheme == "https" and target.hostname == site.host:
        return site_of(f"https://{target.netloc}{site.base}", look=look, most=most, plain=site.root)
    return site


async def _look(check: Check, site: Site) -> list[Finding]:
    if check.needs and check.needs not in site.facts:
        return unlooked(BECAUSE[check.needs])
    if check.of and check.of not in site.offered:
        return unlooked(f"{check.of} is switched off here (PARLOR_TRANSPORTS)")
    try:
        async with asyncio.timeout(LIMIT + (site.look if check.waits else site.most)):
            return await check.look(site)
    except TimeoutError:
        cause = "answers come, but so slowly that no chat is possible"
        return [Finding("took too long to look at", "bad", cause, "see the load of the server and its way.")]
