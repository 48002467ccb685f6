"""The messages of a room that the server has not confirmed yet, in the order in which they were said."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from app.tools.client.shapes import Message


@dataclass
class PendingMessage:
    """A message of ours that the server has not confirmed yet. The same id again says it once."""

    room: str
    text: str
    reply_to: int | None = None
    file: str | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    stored: asyncio.Future[Message] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    tries: int = 0

    def payload(self) -> dict[str, Any]:
        optional = {"reply_to": self.reply_to, "file": self.file}
        given = {name: value for name, value in optional.items() if value is not None}
        return {"room": self.room, "text": self.text, "id": self.id} | given


class Outbox:
    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self._waiting: deque[PendingMessage] = deque()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._over: Exception | None = None

    def __iter__(self) -> Any:
        return iter(tuple(self._waiting))

    @property
    def first(self) -> PendingMessage | None:
        return self._waiting[0] if self._waiting else None

    def add(self, message: PendingMessage) -> None:
        """Where the room is closed, the message fails at once."""
        if self._over:
            message.stored.set_exception(self._over)
            return
        self._waiting.append(message)
        self._is_empty.clear()
        self.changed.set()

    def done(self, message: PendingMessage, result: Message | Exception) -> None:
        """It was stored, or refused for good."""
        if message in self._waiting:
            self._waiting.remove(message)
        if not self._waiting:
            self._is_empty.set()
        if message.stored.done():  # nobody waits for it
            return
        if isinstance(result, Exception):
            message.stored.set_exception(result)
        else:
            message.stored.set_result(result)

    async def wait_empty(self) -> None:
        await self._is_empty.wait()

    def close(self, error: Exception | None) -> None:
        """Nothing is sent any more. Futures that are awaited get the error, or are cancelled."""
        self._over = error or ConnectionError("the client was closed")
        for message in self._waiting:
            if not message.stored.done():
                message.stored.set_exception(error) if error else message.stored.cancel()
        self._waiting.clear()
        self._is_empty.set()
