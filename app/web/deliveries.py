"""What is said in a room goes to its hooks: by POST, signed after the Standard Webhooks specification, in order.

Each hook is worked on by one process at a time, event after event (store/queries/hooks.py). One that fails is tried
again after longer and longer pauses, and keeps those behind it waiting; after the last one the hook is given up, and
its owners are told. An event may come twice, under the same `webhook-id`: a process may die after it was delivered and
before that is stored.
"""

import asyncio
import base64
import contextlib
import hmac
import logging
import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import aiohttp
import orjson
from aiohttp import web
from yarl import URL

from app.chat import Chat, access
from app.chat.counts import Reading
from app.chat.messages import as_told, iso
from app.model import Refused
from app.store import queries
from app.store.queries.hooks import MAX_QUEUED
from app.web import outgoing

log = logging.getLogger("parlor.hooks")

LOOK_S = 5.0  # between two looks for what waits
MINUTE_S, HOUR_S = 60.0, 3_600.0
RETRIES_S = (
    5.0,  # the pauses: three days and some hours together
    5 * MINUTE_S,
    30 * MINUTE_S,
    2 * HOUR_S,
    5 * HOUR_S,
    10 * HOUR_S,
    14 * HOUR_S,
    20 * HOUR_S,
    24 * HOUR_S,
)
JITTER = 0.1  # of a pause, by which it may be longer
MAX_RETRY_AFTER_S = HOUR_S  # that a receiver may ask for
TIMEOUT = aiohttp.ClientTimeout(total=15, sock_connect=10)
AT_ONCE = 20  # hooks to which this process delivers at the same time
GONE = 410  # the receiver wants no more


class NotDelivered(Exception):
    """Why, in a few words. wait: seconds that the receiver asks for. is_final: it wants nothing more, ever."""

    def __init__(self, why: str, wait: float = 0, is_final: bool = False) -> None:
        super().__init__(why)
        self.wait, self.is_final = wait, is_final


class Deliveries:
    """Those of this process."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._wanted = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}  # by hook
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._delivered = self._failed = 0
        chat.on_queued = self._wanted.set

    async def run(self) -> None:
        """Delivers for as long as the server runs."""
        named = {"User-Agent": f"Parlor/{self._chat.version}", "Content-Type": "application/json"}
        async with outgoing.session(lambda: self._chat.hook_private, AT_ONCE, TIMEOUT, **named) as http:
            try:
                while True:
                    with contextlib.suppress(Refused):  # nothing can be read now: the next look finds it
                        await self._look(http)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S):
                            await self._wanted.wait()
                    self._wanted.clear()
            finally:
                for task in self._running.values():
                    task.cancel()
                await asyncio.gather(*self._running.values(), return_exceptions=True)

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_hook_deliveries", "Events that were delivered to hooks.", self._delivered)
        yield Reading("parlor_hook_failures", "Attempts to deliver to hooks that failed.", self._failed)

    async def _look(self, http: aiohttp.ClientSession) -> None:
        for hook in await self._chat.store.read(queries.due_hooks, self._chat.process):
            if hook not in self._running:
                task = self._running[hook] = asyncio.create_task(self._work(http, hook))
                task.add_done_callback(partial(self._done, hook))

    def _done(self, hook: str, task: asyncio.Task[None]) -> None:
        del self._running[hook]
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, Refused):
            log.error("what waits for hook %s could not be delivered", hook, exc_info=error)

    async def _work(self, http: aiohttp.ClientSession, hook: str) -> None:
        """Deliver what waits for this hook, until nothing does or it fails. Raises Refused where that cannot be
        stored."""
        store, process = self._chat.store, self._chat.process
        async with self._slots:
            if not await store.write(queries.claim_hook, hook=hook, process=process):
                return
            while event := await store.read(queries.next_delivery, hook, process):
                if event["is_full"]:
                    why = f"{MAX_QUEUED:,} events waited, and there is no place for more."
                    await self._give_up(hook, event["room"], why)
                    return
                try:
                    await self._deliver(http, hook, event)
                except NotDelivered as failure:
                    self._failed += 1
                    await self._fail(hook, event, failure)
                    return
                self._delivered += 1
                if not await store.write(queries.delivered, hook=hook, process=process, number=event["number"]):
                    self._wanted.set()  # something may have come while it was released
                    return
            await store.write(queries.release_hook, hook=hook, process=process)

    async def _deliver(self, http: aiohttp.ClientSession, hook: str, event: dict[str, Any]) -> None:
        """Raises NotDelivered."""
        await self._chat.tokens.ready()
        body = orjson.dumps(
            {
                "type": f"message.{event['event']}",
                "timestamp": iso(event["at"]),
                "data": {"room": event["room"], "message": as_told(orjson.loads(event["message"]))},
            }
        )
        headers = signed(self._chat.tokens.key_of_hook(hook), f"msg_{hook}_{event['number']}", body)
        try:
            url = URL(event["url"])
            async with http.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                status, asked = answer.status, answer.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise NotDelivered(_why(error)) from None
        if 200 <= status < 300:
            return
        wait = min(float(asked), MAX_RETRY_AFTER_S) if asked.isascii() and asked.isdigit() else 0
        raise NotDelivered(f"It answered {status}.", wait, is_final=status == GONE)

    async def _fail(self, hook: str, event: dict[str, Any], failure: NotDelivered) -> None:
        tries = event["tries"]
        if failure.is_final or tries >= len(RETRIES_S):
            await self._give_up(hook, event["room"], str(failure))
            return
        pause = max(RETRIES_S[tries] * random.uniform(1, 1 + JITTER), failure.wait)  # noqa: S311 - not all at once
        store, process = self._chat.store, self._chat.process
        trouble, after = str(failure), int(pause * 1000)
        await store.write(queries.failed, hook=hook, process=process, after=after, trouble=trouble)
        if pause < LOOK_S:
            asyncio.get_running_loop().call_later(pause, self._wanted.set)

    async def _give_up(self, hook: str, room: str, why: str) -> None:
        if await self._chat.store.write(queries.give_up, room=room, hook=hook, trouble=why):
            log.warning("hook %s of #%s was given up: %s", hook, room, why)
            await access.tell(self._chat, room)


DELIVERIES = web.AppKey("deliveries", Deliveries)


def signed(key: bytes, id: str, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks, 1.0.0: `v1` is HMAC-SHA256 of id, time and body."""
    at = str(int(time.time()))
    digest = hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")
    return {
        "webhook-id": id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "It did not answer in time."
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    text = " ".join(str(cause).split()) or type(cause).__name__
    return f"It could not be reached: {text[:120]}."
