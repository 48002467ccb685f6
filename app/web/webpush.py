"""Waking browsers by their push services (RFC 8030), encrypted for the browser alone (RFC 8291), signed by this site's
own key (RFC 8292).

The address of a push service comes from a client, and so could be any: only https at public addresses is asked, on its
usual port, no redirect is followed, and what a name leads to is checked when the connection is made.
"""

import asyncio
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from app.chat import targets
from app.chat.pushing import Browser, Outcome
from app.web import outgoing

log = logging.getLogger("parlor.push")

TIMEOUT_S = 10.0  # for a push service to answer
TTL_S = 86_400  # for which it keeps the push for a browser that is off
MAX_CONNECTIONS = 8
RECORD_BYTES = 4_096  # what every push service takes (RFC 8030, 7.2)
NOBODYS = "mailto:nobody@localhost.localdomain"  # of a site that is not known by an address of https
GONE = (403, 404, 410)  # 403: it was made for another key of this site's
LATER = (429, 500, 502, 503, 504)


def new_private_key() -> str:
    """32 bytes in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _base64(number.to_bytes(32))


class WebPush:
    """load: gives the private key that is kept, or keeps this new one. Raises Refused. contact: an address that push
    services may write to, `mailto:` or https; empty: that of the site. is_open: services at private addresses and
    without https, too."""

    def __init__(self, load: Callable[[str], Awaitable[str]], contact: str = "", is_open: bool = False) -> None:
        self._load, self._contact, self._is_open = load, contact, is_open
        self._vapid: Vapid02 | None = None
        self._http: aiohttp.ClientSession | None = None

    async def public_key(self) -> str:
        """By which a browser knows who may wake it, in base64url. Raises Refused."""
        key = (await self._key()).public_key
        return _base64(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    async def _key(self) -> Vapid02:
        if self._vapid is None:
            self._vapid = Vapid02.from_raw((await self._load(new_private_key())).encode())
        return self._vapid

    def start_over(self) -> None:
        """Another history has begun, which has another key."""
        self._vapid = None

    def is_allowed(self, endpoint: str) -> bool:
        try:
            parts = urlsplit(endpoint)
            port, host = parts.port, parts.hostname
        except ValueError:
            return False
        if not host or parts.username is not None or parts.password is not None:
            return False
        if self._is_open:
            return parts.scheme in ("http", "https")
        return parts.scheme == "https" and port in (None, 443) and _may_be_public(host)

    async def send(self, to: Browser, payload: bytes, topic: str, contact: str) -> tuple[Outcome, float]:
        """Raises Refused where the key cannot be read."""
        if not self.is_allowed(to.endpoint):
            return Outcome.GONE, 0
        vapid = await self._key()
        try:
            body, headers = await asyncio.to_thread(self._sealed, vapid, to, payload, contact)
        except (ValueError, http_ece.ECEException) as error:
            log.info("a browser cannot be woken, its keys are none: %s", error)
            return Outcome.GONE, 0
        headers |= {"Topic": topic, "TTL": str(TTL_S), "Urgency": "high", "Content-Encoding": "aes128gcm"}
        try:
            async with self._session().post(to.endpoint, data=body, headers=headers, allow_redirects=False) as answer:
                return _outcome(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("a push service could not be reached (%s): %s", urlsplit(to.endpoint).hostname, error)
            return Outcome.LATER, 0

    def _sealed(self, vapid: Vapid02, to: Browser, payload: bytes, contact: str) -> tuple[bytes, dict[str, str]]:
        body = http_ece.encrypt(
            payload,
            private_key=ec.generate_private_key(ec.SECP256R1()),
            dh=_bytes(to.p256dh),
            auth_secret=_bytes(to.auth),
            rs=RECORD_BYTES,
            version="aes128gcm",
        )
        service = urlsplit(to.endpoint)
        about = self._contact or (contact if contact.startswith("https://") else NOBODYS)
        return body, vapid.sign({"aud": f"{service.scheme}://{service.netloc}", "sub": about})

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._http = outgoing.session(lambda: self._is_open, MAX_CONNECTIONS, timeout)
        return self._http

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def _may_be_public(host: str) -> bool:
    """A name may be, whatever it leads to."""
    try:
        ip_address(host)
    except ValueError:
        return "." in host.rstrip(".")
    return targets.is_public(host)


def _outcome(answer: aiohttp.ClientResponse) -> tuple[Outcome, float]:
    if answer.status < 300:
        return Outcome.SENT, 0
    if answer.status in GONE:
        return Outcome.GONE, 0
    wait = answer.headers.get("Retry-After", "")
    pause = float(wait) if wait.isascii() and wait.isdigit() and len(wait) < 6 else 0
    log.info("a push service answered %d", answer.status)
    return (Outcome.LATER if answer.status in LATER else Outcome.FAILED), pause


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
