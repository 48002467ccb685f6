"""Rooms that are made when somebody needs them, and forgotten when nobody ever said anything there (`retention.py`)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.chat import Chat
from app.model import Refused
from app.store import queries

T = TypeVar("T")


async def in_room(
    chat: Chat, room: str, ask: Callable[[], Awaitable[T]], owner: str | None = None, listed: bool = True
) -> T:
    """What `ask` answers about this room, which is made if there is none.

    It is asked first, so that an existing room can be joined while nothing can be stored. Who is in a room may find it
    forgotten: by another process, which need not know of them. owner: to whom a new room belongs.
    """
    if forgetting := chat.forgetting.get(room):
        await asyncio.wait([forgetting])
    try:
        return await ask()
    except Refused as refusal:
        if refusal.code != "no_such_room":
            raise
    opening = chat.opening.get(room)
    if opening is None:  # of several who need a new room at once, one makes it
        opening = chat.opening[room] = asyncio.ensure_future(
            chat.store.write(queries.open_room, room=room, owner=owner, listed=listed)
        )
        opening.add_done_callback(lambda _: chat.opening.pop(room))
    await asyncio.shield(opening)
    return await ask()
