"""What an unexpected answer means: who refused the request (Parlor or a proxy), why, and how to mend it."""

import re

from app.tools.doctor.known_hosts import NGINX_UPGRADE
from app.tools.doctor.site import Finding, Reply, Site

TRANSPORT, SESSION, FORBIDDEN = 0, 1, 4  # codes of Engine.IO's refusals (app/engineio/server.py)

STRIPPED = {
    "Upgrade": "a proxy strips the Upgrade header (and mostly Connection with it): it forwards plain HTTP only",
    "Connection": "a proxy strips the Connection header: it passes Upgrade on, but does not switch protocols itself. "
    "IIS does so where its WebSocket module is off",
}


def switched_off(site: Site, reply: Reply) -> bool:
    """True where the operator has switched this transport off; stores the offered ones in `site`."""
    code, message = reply.refusal or (None, "")
    offered = re.search(r"this server speaks (.+)$", message)
    if code != TRANSPORT or not offered:
        return False
    site.offered = tuple(offered[1].split(", "))
    return True


def refused_websocket(site: Site, reply: Reply) -> Finding:
    """Why a WebSocket handshake was not answered 101."""
    if not reply.status:
        return _unanswered(site, reply)
    if switched_off(site, reply):
        return Finding("WebSocket is switched off here (PARLOR_TRANSPORTS): the operator's choice")
    if reply.refusal:
        return _by_parlor(site, reply, reply.refusal[1])
    cause, mend = _by_proxy(site, reply)
    return Finding(str(reply), "bad", cause, mend)


def _unanswered(site: Site, reply: Reply) -> Finding:
    if reply.trouble.startswith("101"):
        cause = "something on the way answers in the server's place, from a cache or for another connection"
        return Finding(
            reply.trouble, "bad", cause, site.mend("upgrade", "take that proxy out of the way of /socket.io/.")
        )
    if reply.trouble.startswith("no answer in"):
        return Finding(
            reply.trouble,
            "bad",
            "a proxy holds the handshake back: it waits for an answer's end that a WebSocket does not have, or the "
            "Upgrade opens no way to the server",
            site.mend("upgrade", f"let the proxy forward upgrades (nginx: {NGINX_UPGRADE})."),
        )
    cause = "a proxy or firewall on the way hangs up on WebSocket handshakes"
    return Finding(reply.trouble, "bad", cause, site.mend("upgrade", "let it forward upgrades."))


def _by_parlor(site: Site, reply: Reply, message: str) -> Finding:
    for header, cause in STRIPPED.items():
        if f"No '{header}" in message:
            otherwise = "forward both: " + ("in nginx " + NGINX_UPGRADE if header == "Upgrade" else _IIS)
            return Finding(str(reply), "bad", cause, site.mend("upgrade", f"{otherwise}."))
    if "PARLOR_MAX_WEBSOCKETS" in message:
        cause = "as many WebSockets are open as PARLOR_MAX_WEBSOCKETS allows; whoever comes now talks by polling"
        return Finding(str(reply), "warn", cause, "raise PARLOR_MAX_WEBSOCKETS, as far as the plan of the host goes.")
    if reply.refusal and reply.refusal[0] == FORBIDDEN:
        return Finding(str(reply), "bad", "the site takes its own origin for a foreign one", own_origin_mend(site))
    return Finding(str(reply), "bad", "the server itself refuses the handshake", "its sentence says why.")


_IIS = 'in IIS say <webSocket enabled="true" /> in web.config (docs/hosts.md, IIS); in nginx ' + NGINX_UPGRADE


def own_origin_mend(site: Site) -> str:
    return (
        site.mend(
            "forwarded", "let the proxy keep the Host header, or send X-Forwarded-Host and set PARLOR_TRUST_PROXIES=1."
        )
        + f" Or set PARLOR_ORIGINS={site.origin}."
    )


def _by_proxy(site: Site, reply: Reply) -> tuple[str, str]:
    """Cause and mend of an answer that the proxy, not Parlor, gave to the handshake."""
    status = reply.status
    if "handshake" not in site.facts and not site.boots and is_error(status):  # plain requests do not pass either
        return down(site, reply)
    if status in (301, 302, 303, 307, 308):
        where = reply.headers.get("location", "elsewhere")
        cause = f"the handshake is redirected to {where}, and browsers do not follow"
        return cause, "redirect pages only (GET, HEAD), not /socket.io/."
    if status == 200:
        return "something answers the handshake with a page: /socket.io/ does not lead to Parlor", site.mend(
            "upgrade", "send /socket.io/ to Parlor, upgrades included."
        )
    if status in (401, 407):
        return "something in front asks for a password", "let /socket.io/ through without it."
    if status in (403, 451):
        return "a firewall or a rule of the proxy forbids WebSockets", site.mend(
            "firewall", "allow upgrades for /socket.io/ in the proxy's or firewall's rules."
        )
    if status in (404, 405, 501):
        return "the proxy does not send WebSocket handshakes for /socket.io/ to Parlor", site.mend(
            "upgrade", "give them the same way as all the rest."
        )
    if status == 429:
        return "the host counts WebSockets or requests, and this one was one too many", site.mend(
            "limit",
            "raise the proxy's rate limit or the plan's number of WebSockets; PARLOR_MAX_WEBSOCKETS keeps below it.",
        )
    if status == 502:
        return "the proxy could not speak to Parlor for the upgrade, though plain requests pass", site.mend(
            "upgrade",
            "let it speak HTTP/1.1 with upgrades to Parlor, on the same address and port as for all the rest.",
        )
    if status == 503:
        return "the host has no room for another WebSocket, or its plan allows none", site.mend(
            "limit", "a plan with more WebSockets; PARLOR_MAX_WEBSOCKETS keeps below the number it allows."
        )
    if status == 504:
        return "the proxy waited for an answer's end that a WebSocket does not have", site.mend(
            "upgrade", "let it forward upgrades."
        )
    return "a proxy on the way does not know WebSockets", site.mend("upgrade", "let it forward upgrades.")


def is_error(status: int) -> bool:
    return status >= 500 or status in (401, 403, 429)


def down(site: Site, reply: Reply) -> tuple[str, str]:
    """Cause and mend where plain requests are answered by a proxy's error."""
    causes = {
        502: "the proxy runs, but does not reach Parlor: it does not run, or listens elsewhere",
        503: "the proxy has no process to send requests to: it starts, crashed, or is switched off",
        504: "the proxy reaches Parlor, but gets no answer in time: it hangs",
        403: "a firewall or a rule of the proxy refuses strangers",
        401: "something in front asks for a password",
        429: "the proxy counts requests, and these were too many",
    }
    if reply.status in (403, 401, 429):
        return causes[reply.status], site.mend("firewall", "allow it in the proxy's or firewall's rules.")
    cause = causes.get(reply.status, "the server met a fault")
    return cause, site.mend("down", "see in the host's log whether Parlor runs, on which port, and what it says.")
