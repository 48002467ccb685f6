"""Whether the site can be reached: its name, its certificate, http and https, its clock."""

import asyncio
import contextlib
import ssl
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from socket import SOCK_STREAM, gaierror, getaddrinfo
from statistics import median
from time import time
from typing import Any
from urllib.parse import urljoin, urlsplit

from app.model import COOKIE, HOST_COOKIE
from app.tools.doctor.site import REQUEST_TIMEOUT_S, TRANSPORTS, Finding, Reply, Site

RENEWAL_DAYS = 14  # automatic renewals happen a month before a certificate ends
MAX_REDIRECTS = 5
SLOW_S = 1.0  # an answer that takes longer is slow
MAX_SKEW_S = 60  # between two clocks
LATENCY_REQUESTS = 5

# OpenSSL's X509_V_ERR_* (openssl-verification-options) -> what it means, what to do.
CERTIFICATES = {
    10: ("the certificate has expired", "renew it (certbot renew, or the host's own way)."),
    9: ("the certificate is not valid yet", "see whether the clock of this machine is right, or wait."),
    18: ("the certificate is self-signed", "get one that browsers believe, e.g. from Let's Encrypt."),
    19: ("the certificate comes from an authority that browsers do not know", "get one from e.g. Let's Encrypt."),
    20: (
        "the chain to a known authority is not complete, or the authority is not known",
        "serve the intermediate certificates too (fullchain.pem, not cert.pem).",
    ),
    21: (
        "the chain to a known authority is not complete, or the authority is not known",
        "serve the intermediate certificates too (fullchain.pem, not cert.pem).",
    ),
    62: ("the certificate is for another name", "get one for this name."),
    64: ("the certificate is for another address", "use the name it was made for."),
}


async def certificate(site: Site) -> list[Finding]:
    """The name resolves, a server listens there, and browsers accept the certificate."""
    try:
        addresses = await _addresses(site)
    except OSError as error:
        why = error.strerror if isinstance(error, gaierror) else "no answer of the name server"
        return [
            Finding(
                f"the name {site.host} leads nowhere ({why})",
                "bad",
                "a misspelt name, or a DNS record that does not exist or has not spread yet",
                "look at the address; add an A, AAAA or CNAME record at the DNS provider.",
            )
        ]
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            _, writer = await asyncio.open_connection(
                site.host, site.port, ssl=site.tls if site.secure else None, server_hostname=_server_name(site)
            )
    except ssl.SSLCertVerificationError as error:
        return _distrusted(site, error)
    except (OSError, TimeoutError) as error:
        return _unreached(site, addresses, error)
    site.facts.add("connection")
    seen = f"{site.note}; " if site.note else ""
    seen += f"{site.host} is {', '.join(addresses[:4])}"
    finding = _validity(writer.get_extra_info("ssl_object"), seen) if site.secure else Finding(f"{seen}; no TLS (http)")
    writer.transport.abort()
    return [finding]


def _server_name(site: Site) -> str | None:
    return site.host if site.secure else None


async def _addresses(site: Site) -> list[str]:
    """The addresses of the name. In a thread that is not joined: a dead name server takes up to a minute."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: OSError | None) -> None:
        if not answer.done():
            answer.set_exception(error) if error else answer.set_result(addresses)

    def look() -> None:
        addresses: list[str] = []
        fault: OSError | None = None
        try:
            found = getaddrinfo(site.host, site.port, type=SOCK_STREAM)
            addresses = list(dict.fromkeys(str(where[4][0]) for where in found))
        except (OSError, UnicodeError) as error:
            fault = error if isinstance(error, OSError) else gaierror(0, "no possible name")
        with contextlib.suppress(RuntimeError):  # the examination is over
            loop.call_soon_threadsafe(settle, addresses, fault)

    threading.Thread(target=look, daemon=True).start()
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        return await answer


def _distrusted(site: Site, error: ssl.SSLCertVerificationError) -> list[Finding]:
    """Go on without verifying it, to see what else is wrong; browsers stop here."""
    site.believes = False
    del site.tls
    site.facts.add("connection")
    site.mark_unusable(*TRANSPORTS)
    cause, mend = CERTIFICATES.get(error.verify_code, ("browsers do not believe the certificate", "replace it."))
    seen = f"{error.verify_message}; what follows was looked at without believing the certificate"
    return [Finding(seen, "bad", cause, site.mend("certificate", mend))]


def _unreached(site: Site, addresses: list[str], error: OSError | TimeoutError) -> list[Finding]:
    where = f"{site.host}:{site.port} ({', '.join(addresses[:4])})"
    if isinstance(error, ssl.SSLError) and "no application protocol" in str(error):
        return [
            Finding(
                f"{where} takes no TLS connection that asks for HTTP/1.1",
                "bad",
                "the TLS in front speaks HTTP/2 alone: most browsers open no WebSocket there, and no doctor comes in",
                "offer http/1.1 beside h2 in its ALPN protocols.",
            )
        ]
    if isinstance(error, ssl.SSLError):
        return [
            Finding(
                f"{where} answers, but not with TLS ({error.reason or 'the handshake was cut'})",
                "bad",
                "what listens there speaks http, or its TLS is not set up",
                f"try http://{site.authority}, or give the port its certificate.",
            )
        ]
    if isinstance(error, TimeoutError):
        return [
            Finding(
                f"{where} does not answer in {REQUEST_TIMEOUT_S:.0f} s",
                "bad",
                "a firewall drops what comes, or the machine is away",
                "open the port in the firewall or security group; see that the machine runs.",
            )
        ]
    return [
        Finding(
            f"{where}: {error.strerror or error}",
            "bad",
            "nothing listens on that port",
            "start the server or the proxy; look at the port in the address.",
        )
    ]


def _validity(tls: ssl.SSLObject, seen: str) -> Finding:
    told: Any = tls.getpeercert() or {}
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC)
    days = (ends - datetime.now(UTC)).days
    seen += f"; {tls.version()}; the certificate holds for {days} more days"
    if days >= RENEWAL_DAYS:
        return Finding(seen)
    return Finding(seen, "warn", "the certificate was not renewed in time", "renew it before browsers refuse the site.")


async def https(site: Site) -> list[Finding]:
    """The page opens, stays on https, and knows that it is on https."""
    page, hops = await _follow(site, f"{site.root}/")
    site.page = page
    if len(hops) > MAX_REDIRECTS:
        site.mark_unusable(*TRANSPORTS)
        return [
            Finding(
                f"the page redirects in a circle ({' > '.join(hops[-3:])})",
                "bad",
                "something redirects to https that is always asked by http: it does not hear of X-Forwarded-Proto",
                site.mend("circle", "redirect in the proxy only, or send X-Forwarded-Proto and trust it."),
            )
        ]
    moved = _moved(site, hops)
    return [moved] if moved else [*_secured(site), await _plain(site)]


async def _follow(site: Site, address: str) -> tuple[Reply, list[str]]:
    hops = [address]
    while True:
        reply = await site.get(address)
        target = reply.headers.get("location")
        if reply.status not in (301, 302, 303, 307, 308) or not target or len(hops) > MAX_REDIRECTS:
            return reply, hops
        address = urljoin(address, target)
        hops.append(address)


def _moved(site: Site, hops: list[str]) -> Finding | None:
    last = urlsplit(hops[-1])
    if f"{last.scheme}://{last.netloc}" == site.origin:
        return None
    if site.secure and last.scheme == "http":
        cause = "the page sends visitors away from https"
        return Finding(f"{hops[0]} redirects to {hops[-1]}", "bad", cause, "redirect to https, never from it.")
    return Finding(
        f"{hops[0]} redirects to {hops[-1]}",
        "warn",
        "the site lives at another address, and WebSockets do not follow redirects",
        f"examine that one: python -m app doctor {last.scheme}://{last.netloc}",
    )


def _secured(site: Site) -> list[Finding]:
    cookie = next((line for line in site.page.cookies if line.startswith((COOKIE, HOST_COOKIE))), "")
    if not site.secure or not cookie or "; secure" in cookie.lower():
        return []
    return [
        Finding(
            "the page came by https, but its cookie is not marked Secure",
            "warn",
            "the server takes its visitors to come by http: the proxy that ends TLS sends no X-Forwarded-Proto, or "
            "Parlor does not trust it",
            site.mend("forwarded", "let the proxy send X-Forwarded-Proto and Host, and set PARLOR_TRUST_PROXIES=1."),
        )
    ]


async def _plain(site: Site) -> Finding:
    """The site by plain http, as for visitors who type no https."""
    mend = site.mend("https", "redirect in the proxy, or set PARLOR_TRUST_PROXIES=1 and PARLOR_FORCE_HTTPS=true.")
    if not site.secure:
        if site.is_private:
            return Finding("plain http, in a private network")
        return Finding(
            "plain http", "warn", "what is said and the tokens that name people travel readable by all", mend
        )
    if not site.plain:
        return Finding("https; where plain http would answer is not known, for the address names a port", "unknown")
    reply = await site.get(f"{site.plain}/")
    target = reply.headers.get("location", "")
    if not reply.status or target.startswith("https://"):
        return Finding(f"http redirects to {target}" if target else f"nothing by http ({reply.trouble})")
    cause = "pages are served by http too: what is said there travels readable by all"
    return Finding(f"{site.plain}/ answers {reply.status} and does not lead to https", "warn", cause, mend)


async def clock(site: Site) -> list[Finding]:
    """Whether anything answers HTTP, how fast, and whether its clock is right."""
    replies = [] if site.page.status else [site.page]
    async with site.session(keeps_alive=True) as http:
        while len(replies) < LATENCY_REQUESTS and all(reply.status for reply in replies):
            replies.append(await site.ask(http, "GET", "/healthz"))
    told = [reply for reply in replies if reply.status]
    if not told:
        cause = "what listens there is no web server, or it hangs" if replies[0].seconds > 1 else "it hangs up on HTTP"
        return [Finding(replies[0].trouble, "bad", cause, site.mend("down", "see that Parlor runs behind the proxy."))]
    site.facts.add("answers")
    late = median(reply.seconds for reply in told)  # of one connection: the first has TCP and TLS in it
    skew = _skew(told[-1])
    seen = f"{late * 1000:.0f} ms an answer" + ("" if skew is None else f"; its clock is {abs(skew):.0f} s off ours")
    if skew is not None and abs(skew) > MAX_SKEW_S:
        cause = f"the clock of the server or of this machine is {'ahead' if skew > 0 else 'behind'}"
        return [
            Finding(seen, "warn", cause, "switch time synchronisation on (timedatectl set-ntp true) where it is off.")
        ]
    if late > SLOW_S:
        return [Finding(seen, "warn", "the way is long or the server is busy", "look at its load; move it nearer.")]
    return [Finding(seen)]


def _skew(reply: Reply) -> float | None:
    """Seconds by which the server's clock is ahead of ours; Date has whole seconds."""
    try:
        return parsedate_to_datetime(reply.headers["date"]).timestamp() + 0.5 - time()
    except (KeyError, ValueError):
        return None
