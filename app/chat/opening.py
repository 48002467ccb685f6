"""Rooms that are made when somebody needs them, and forgotten when nobody ever said anything there (`retention.py`)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.chat import Chat
from app.model import Connection, Refused
from app.store import queries

T = TypeVar("T")

OF_THE_OTHER = {"too_many", "no_such_person"}  # why a room was not made for somebody that may not be so for the next


async def in_room(
    chat: Chat,
    connection: Connection,
    room: str,
    ask: Callable[[], Awaitable[T]],
    *,
    as_owner: bool = False,
    listed: bool = True,
) -> T:
    """What `ask` answers about this room. Where there is none, `connection` makes it; as_owner: then it is theirs."""

    async def make() -> None:
        await chat.quotas.make_room(connection)
        owner = connection.person.id if as_owner else None
        await chat.store.write(queries.open_room, room=room, owner=owner, listed=listed)

    return await made_for(chat, room, ask, make)


async def made_for(chat: Chat, room: str, ask: Callable[[], Awaitable[T]], make: Callable[[], Awaitable[None]]) -> T:
    """What `ask` answers about this room; where there is none, after `make`.

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
        opening = chat.opening[room] = asyncio.ensure_future(_make(chat, room, make))
        await asyncio.shield(opening)
        return await ask()
    try:
        await asyncio.shield(opening)
    except Refused as refusal:
        if refusal.code not in OF_THE_OTHER:
            raise
    return await made_for(chat, room, ask, make)


async def _make(chat: Chat, room: str, make: Callable[[], Awaitable[None]]) -> None:
    """Looks once more first: that there is no room may have been true when it was read and no longer when it was told,
    and nobody's limit is charged for a room that there is."""
    try:
        await chat.store.read(queries.room, room)
    except Refused as refusal:
        if refusal.code != "no_such_room":
            raise
        await make()
    finally:
        del chat.opening[room]  # before those who wait go on: what has ended is nothing to wait for
