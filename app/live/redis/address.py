"""Where Redis is, and one connection to it, opened and checked. Passwords are in no sentence of this module."""

import asyncio
import os
from typing import Any

from redis.asyncio import Connection, SSLConnection
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, InvalidResponse, NoPermissionError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout

from app.live.redis import replies

CONNECT_TIMEOUT_S = 3.0  # for the connection and all that is asked on it before it serves
WHO_IS_THERE = ("HELLO",)
SCHEMES = {"valkey": "redis", "valkeys": "rediss"}  # the same by other names
OURS = ("max_connections", "retry_on_timeout", "health_check_interval", "protocol", "socket_timeout", "timeout")


class Unusable(Exception):
    """Redis cannot be used: one sentence that says why, without passwords."""


class Address:
    """Where Redis is. Raises Unusable for a URL that names none, UnfitLibrary for a redis-py that does not fit.
    verify: by TLS, its certificate."""

    def __init__(self, url: str, client_name: str, verify: bool = True) -> None:
        scheme, separator, rest = url.partition("://")
        try:
            found: dict[str, Any] = dict(parse_url(f"{SCHEMES.get(scheme, scheme)}{separator}{rest}"))
        except ValueError as error:
            raise Unusable(f"this is no address of Redis ({error})") from None
        self._kind: type[AbstractConnection] = found.pop("connection_class", Connection)
        self._options = {name: value for name, value in found.items() if name not in OURS} | {
            "socket_timeout": None,  # limits are set around whole steps
            "socket_connect_timeout": CONNECT_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 0),  # whoever holds a connection knows what to do when it breaks
            "client_name": client_name,
            "driver_info": None,
            "protocol": 2,
        }
        if not verify and issubclass(self._kind, SSLConnection):
            self._options |= {"ssl_cert_reqs": "none", "ssl_check_hostname": False}
        replies.check(Connection())
        where = f"{found.get('host', 'localhost')}:{found.get('port', 6379)}"
        self.where: str = found.get("path") or where

    async def try_out(self, name: str) -> None:
        """Whether all that is needed is allowed, with keys and channels called like this one. Raises Unusable."""
        connection = await self.open(("SET", name, "1", "PX", "1000"), ("PUBLISH", name, ""), ("SUBSCRIBE", name))
        await close(connection)

    async def open(self, *commands: tuple[str, ...]) -> AbstractConnection:
        """A connection to a Redis that can be written to, and that takes these commands. Raises Unusable."""
        try:
            connection = self._kind(**self._options)
        except (TypeError, RedisError) as error:
            raise Unusable(f"an option of the address cannot be used ({error})") from None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await connection.connect()  # type: ignore[no-untyped-call]
                await check(connection)
                for command in commands:
                    await connection.send_command(*command)
                    await connection.read_response()
        except BaseException as error:
            await close(connection)
            if isinstance(error, RedisError | OSError | TimeoutError | Unusable | AttributeError):
                raise Unusable(f"{self.where} {_reason(error)}{self._hint(error)}") from error
            raise
        return connection

    def _hint(self, error: BaseException) -> str:
        """The commonest mistake with an address."""
        if issubclass(self._kind, SSLConnection):
            return "; does it speak TLS, as rediss:// says?" if isinstance(error, TimeoutError | RedisTimeout) else ""
        was_reset = isinstance(error.__context__, ConnectionResetError)
        was_cut = isinstance(error, RedisConnectionError) and (was_reset or "closed" in str(error))
        return "; does it want TLS (rediss://)?" if was_cut or isinstance(error, InvalidResponse) else ""


async def check(connection: AbstractConnection) -> None:
    """What answers is a Redis of today that takes writes. Raises Unusable, RedisError."""
    await connection.send_command(*WHO_IS_THERE)
    judge(await connection.read_response())


def judge(answer: Any) -> None:
    """The answer to WHO_IS_THERE. Raises Unusable."""
    if not isinstance(answer, list):
        raise Unusable("answers, but not as Redis does")
    said = dict(zip(answer[::2], answer[1::2], strict=False))
    if said.get(b"mode", b"standalone") != b"standalone":
        mode = said[b"mode"].decode(errors="replace")
        raise Unusable(f"runs as a {mode}; Parlor wants a single Redis, with replicas or without")
    if said.get(b"role", b"master") != b"master":
        raise Unusable("is a replica, which takes no writes; name the primary")


async def close(connection: AbstractConnection) -> None:
    """Without waiting for the other side, which may hang."""
    await connection.disconnect(nowait=True)


def _reason(error: BaseException) -> str:
    text = str(error).rstrip(".")
    if isinstance(error, Unusable):
        return text
    if isinstance(error, AuthenticationError):
        return _why_not_let_in(text)
    if isinstance(error, NoPermissionError):
        return f"does not let this user do what is needed ({text})"
    if isinstance(error, ResponseError):
        return "is older than Redis 6" if "unknown command" in text else f"refuses ({text})"
    if isinstance(error, InvalidResponse | AttributeError):
        return "answers, but not as Redis does"
    cause = next((one for one in (error, error.__cause__, error.__context__) if isinstance(one, OSError)), None)
    if isinstance(cause, TimeoutError) or "Timeout" in text or not text:
        return f"did not answer within {CONNECT_TIMEOUT_S:g} s"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "has a certificate that nobody vouches for; where that is meant so, set PARLOR_REDIS_VERIFY=false"
    if isinstance(cause, ConnectionError | BlockingIOError | InterruptedError) and cause.errno:
        return f"cannot be reached ({os.strerror(cause.errno)})"  # asyncio's own text holds the address again
    return f"cannot be reached ({(cause and cause.strerror) or text})"


def _why_not_let_in(text: str) -> str:
    if "without any password" in text:
        return "wants no password, and one is given"
    if "required" in text.lower():
        return "wants a password: redis://:PASSWORD@host:6379"
    return "does not take this password, or this user"
