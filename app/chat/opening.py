"""Rooms that are made when somebody needs them, and forgotten when nobody ever said anything there (`retention.py`)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.chat import Chat
from app.model import Connection, Refused
from app.store import queries

T = TypeVar("T")


async def in_room(
    chat: Chat,
    connection: Connection,
    room: str,
    ask: Callable[[], Awaitable[T]],
    *,
    as_owner: bool = False,
    listed: bool = True,
) -> T:
    """What `ask` answers about this room, which is made for `connection` if there is none. as_owner: then it is theirs.

    It is asked first, so that an existing room can be joined while nothing can be stored. Who is in a room may find it
    forgotten: by another process, which need not know of them.
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
        opening = asyncio.ensure_future(_open(chat, connection, room, as_owner, listed))
        chat.opening[room] = opening
        opening.add_done_callback(lambda _: chat.opening.pop(room))
        await asyncio.shield(opening)
        return await ask()
    try:
        await asyncio.shield(opening)
    except Refused as refusal:
        if refusal.code != "too_many":
            raise  # else that was the other's limit, and may not be this one's
    return await in_room(chat, connection, room, ask, as_owner=as_owner, listed=listed)


async def _open(chat: Chat, connection: Connection, room: str, as_owner: bool, listed: bool) -> None:
    await chat.quotas.make_room(connection)
    owner = connection.person.id if as_owner else None
    await chat.store.write(queries.open_room, room=room, owner=owner, listed=listed)
