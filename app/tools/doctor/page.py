"""What a browser may do: which origins may connect, and what the page's headers forbid."""

import re
from urllib.parse import urljoin

from app.tools.doctor.refusals import FORBIDDEN, own_origin_mend
from app.tools.doctor.sessions import POLLING
from app.tools.doctor.site import TRANSPORTS, Finding, Reply, Site, skipped

FOREIGN = "https://stranger.invalid"  # a name that cannot exist (RFC 6761)
LOADED = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio)\b[^>]*?\b(?:src|href)=["'](http://[^"']+)""", re.I
)
META = re.compile(r"""<meta[^>]+http-equiv=["']Content-Security-Policy["'][^>]+content=(["'])(.+?)\1""", re.I | re.S)
SELF = ("'self'", "*")


async def origins(site: Site) -> list[Finding]:
    """Browsers send the page's origin. The site's own must be accepted, a foreign one must not."""
    if "cached" in site.facts:
        return skipped("handshakes come from a cache")
    own, foreign = await site.get(POLLING, Origin=site.origin), await site.get(POLLING, Origin=FOREIGN)
    findings = []
    if _forbids(own):
        site.own_refused = True
        site.mark_unusable(*TRANSPORTS)
        cause = "the site does not know that it is reached by this name: the proxy sends another Host"
        findings.append(Finding(f"own origin {site.origin}: {own}", "bad", cause, own_origin_mend(site)))
    if not _forbids(foreign) and foreign.status == 200:
        cause = "PARLOR_ORIGINS lets any page of the web connect with your visitors' cookies, or a proxy hides Origin"
        mend = f"name the origins that may: PARLOR_ORIGINS={site.origin}, or none at all."
        findings.append(Finding(f"foreign origin {FOREIGN}: let in", "warn", cause, mend))
    return findings or [Finding("own let in, foreign refused")]


def _forbids(reply: Reply) -> bool:
    return reply.refusal is not None and reply.refusal[0] == FORBIDDEN


async def mixed(site: Site) -> list[Finding]:
    """Browsers block http resources on an https page."""
    if reason := _no_page(site):
        return skipped(reason)
    if not site.secure:
        return skipped("the page itself comes by http")
    loaded = sorted({urljoin(site.origin, found) for found in LOADED.findall(site.page.body)})
    if not loaded:
        return [Finding("the page loads nothing by http")]
    cause = "the page asks for parts of itself by http, and browsers load none of them: the server or a proxy writes "
    cause += "http addresses into it"
    return [Finding(f"by http: {', '.join(loaded[:3])}", "bad", cause, site.mend("forwarded", "write paths only."))]


async def csp(site: Site) -> list[Finding]:
    """A policy that a proxy adds applies besides ours: what either forbids is forbidden."""
    if reason := _no_page(site):
        return skipped(reason)
    header = site.page.headers.get("content-security-policy", "")
    policies = [
        one for one in (*header.split(","), *(found[1] for found in META.findall(site.page.body))) if one.strip()
    ]
    if not policies:
        cause = "a proxy takes it away, or this is not Parlor's page"
        return [Finding("no Content-Security-Policy", "warn", cause, "let the header through: it is a safety net.")]
    findings = [finding for policy in policies for finding in _forbidden(site, policy)]
    return findings or [Finding(f"{len(policies)} in force; scripts and connections to the site itself are allowed")]


def _forbidden(site: Site, policy: str) -> list[Finding]:
    rules = [rule.split() for rule in policy.lower().split(";") if rule.strip()]
    directives = {rule[0]: rule[1:] for rule in reversed(rules)}  # of one name the first counts
    findings = []
    for directive, what in (("connect-src", "its connections"), ("script-src", "its own scripts")):
        allowed = directives.get(directive, directives.get("default-src", ["*"]))
        if not _allows_own(site, allowed):
            site.mark_unusable(*TRANSPORTS)
            cause = f"a policy forbids the page {what}; where it is not Parlor's, a proxy adds it"
            mend = f"take it away, or let it say {directive} 'self'."
            findings.append(Finding(f"{directive} {' '.join(allowed)}", "bad", cause, mend))
    return findings


def _allows_own(site: Site, allowed: list[str]) -> bool:
    own = (site.origin, site.authority, site.host, f"{site.scheme}:")
    return any(source.rstrip("/") in (*SELF, *own) for source in allowed)


def _no_page(site: Site) -> str:
    if site.page.status != 200:
        return f"the page gives {site.page}"
    return "" if site.page.is_html else "what is at / is no page"
