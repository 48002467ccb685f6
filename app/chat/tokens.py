"""Tokens: secrets that this site has issued, each of which names a person for ever.

A token carries its signature, so that it is known as one of ours before anything is stored of its person, and one that
somebody made up (and planted in another's browser, to be the same person there) is not taken. The key is made from
PARLOR_SECRET, or is kept in the database, where all processes find it. Older tokens are unsigned: they are good if they
are stored (people.py).

Its 64 characters are 48 bytes: 6 of the time, 18 that nobody can guess, and 24 of the signature.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Any, Protocol, TypeGuard

from app.model import Refused
from app.store import queries

TIME_BYTES, RANDOM_BYTES, SIGNATURE_BYTES = 6, 18, 24
HOUR_MS = 3_600_000
OF_BOT = "parlor-bot-"

_SHAPE = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)
_SIGNED = re.compile(r"[A-Za-z0-9_-]{64}", re.ASCII)
_SEED = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
_HANDLE = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


class Store(Protocol):
    async def read(self, ask: Any, *args: Any) -> Any: ...

    async def write(self, ask: Any, *args: Any) -> Any: ...


class Tokens:
    """secret: the operator's; empty: the key is kept in the database. store: not asked where there is a secret."""

    def __init__(self, store: Store | None, secret: str) -> None:
        self._store = store
        self._own = hmac.digest(secret.encode(), b"tokens", "sha256") if secret else None
        self._key = self._own

    async def ready(self) -> None:
        """Know the key. Raises Refused where it can be neither read nor stored."""
        if self._key is None and self._store:
            stored = await self._store.read(queries.signing_key)
            stored = stored or await self._store.write(queries.keep_signing_key, secrets.token_hex(32))
            self._key = bytes.fromhex(stored)

    def start_over(self) -> None:
        """Another history has begun, which may have another key."""
        self._key = self._own

    def new(self) -> str:
        return self._signed(_time(queries.now()) + secrets.token_bytes(RANDOM_BYTES))

    def is_signed(self, token: str) -> bool:
        if not _SIGNED.fullmatch(token):
            return False
        made = urlsafe_b64decode(token)[: TIME_BYTES + RANDOM_BYTES]
        return hmac.compare_digest(token, self._signed(made))

    def renewed(self, fingerprint: str, handle: str) -> str:
        """The token that takes the place of the one with this fingerprint. With the former one and the handle the
        server makes it again, so that a browser gets it as a cookie that no script has seen."""
        made = urlsafe_b64decode(handle)[:TIME_BYTES]
        return self._signed(made + self._derived("renewed", fingerprint, handle))

    def instead_of(self, cookie: str, seed: str) -> str:
        """A token for a browser whose cookie is none of ours. Tabs that ask at once have one seed, and get one token;
        whoever planted the cookie does not know the seed."""
        return self._signed(_time(queries.now() // HOUR_MS * HOUR_MS) + self._derived("instead", cookie, seed))

    def key_of_hook(self, hook: str) -> bytes:
        """By which what is delivered to it is signed."""
        return mac(self._known(), f"hook {hook}".encode()).digest()

    def _signed(self, made: bytes) -> str:
        return urlsafe_b64encode(made + mac(self._known(), b"token " + made).digest()[:SIGNATURE_BYTES]).decode()

    def _derived(self, *words: str) -> bytes:
        return mac(self._known(), "\0".join(words).encode()).digest()[:RANDOM_BYTES]

    def _known(self) -> bytes:
        if self._key is None:
            raise Refused(
                "storage", "The key of tokens cannot be read at present. Try again in a moment.", retry_after=1
            )
        return self._key


def mac(key: bytes, message: bytes) -> hmac.HMAC:
    """HMAC-SHA256 (RFC 2104)."""
    made = _keyed(key).copy()
    made.update(message)
    return made


@lru_cache(8)
def _keyed(key: bytes) -> hmac.HMAC:
    """To take in a key costs as much as all the rest."""
    return hmac.new(key, digestmod="sha256")


def is_token(text: object) -> TypeGuard[str]:
    """Has it the shape of a token, signed or older?"""
    return isinstance(text, str) and _SHAPE.fullmatch(text) is not None


def new_of_bot() -> str:
    """A token that owners of a room give to a program; it is good while it is stored. Its beginning says what it is, to
    those who find it where it should not be."""
    return OF_BOT + secrets.token_urlsafe(36)


def is_of_bot(text: object) -> bool:
    return is_token(text) and text.startswith(OF_BOT)


def new_handle() -> str:
    return urlsafe_b64encode(_time(queries.now()) + secrets.token_bytes(RANDOM_BYTES)).decode()


def is_handle(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and _HANDLE.fullmatch(text) is not None


def is_seed(text: object) -> TypeGuard[str]:
    return isinstance(text, str) and _SEED.fullmatch(text) is not None


def person_id(token: str, fingerprint: str) -> str:
    """The id of the person whom a signed token names before anything is stored of them: the same in every tab and at
    every process. It begins with the time: whoever comes at one time lies side by side in every index."""
    at = int.from_bytes(urlsafe_b64decode(token)[:TIME_BYTES])
    return f"{at:012x}{hashlib.sha256(f'person {fingerprint}'.encode()).hexdigest()[:20]}"


def _time(milliseconds: int) -> bytes:
    return milliseconds.to_bytes(TIME_BYTES)
