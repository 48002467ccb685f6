"""Rooms of two people. Each of the two calls the room `@` and the id of the other; it is stored under one name that no
other room can have, and that is made from both ids: so nobody can name a room that is not theirs.
"""

import contextlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from app.chat import Chat, people
from app.chat.opening import made_for
from app.model import Connection, Person, Refused, Speaker, is_bot
from app.store import queries

SIGN = "@"
MAX_PAIRS = 10_000  # that are known before those in whose room nobody is are dropped

Answer = dict[str, Any]


def is_direct(room: str) -> bool:
    return room.startswith(SIGN)


def stored_name(person: str, room: str) -> str:
    """The name under which a room is stored that the person calls so."""
    if not is_direct(room):
        return room
    pair = "\n".join(sorted((person, room.removeprefix(SIGN))))
    return SIGN + blake2b(pair.encode(), digest_size=16).hexdigest()


async def stored_for(chat: Chat, tokens: Sequence[str], room: str) -> str:
    """The same, of whoever has one of these tokens. Raises `no_such_room`."""
    person = await people.stored(chat, tokens)
    if person is None:
        raise Refused("no_such_room", "There is no such conversation.")
    return stored_name(person, room)


def other_of(chat: Chat, room: str, person: str) -> str:
    """With whom the person is in this room of two, which somebody here has opened."""
    one, other = chat.pairs[room]
    return other if person == one else one


def shown(chat: Chat, room: str, person: str) -> str:
    """As the person calls a room."""
    return SIGN + other_of(chat, room, person) if is_direct(room) else room


async def begin(chat: Chat, connection: Connection, other: str, makes_room: bool = True) -> str:
    """The stored name of the room with this person, which is made if need be; then they are told. Raises
    `not_allowed`, `no_such_person`, `too_many`; where it is not to be made, `no_such_room`."""
    myself = connection.person
    if other == myself.id:
        raise Refused("not_allowed", "This is yourself: a conversation takes somebody else.")
    if is_bot(other) or is_bot(myself.id):
        raise Refused("not_allowed", "Bots are in the room of their owners alone: they have no conversations of two.")
    room = stored_name(myself.id, SIGN + other)

    async def ask() -> None:
        await chat.store.read(queries.room, room)

    async def make() -> None:
        await people.record(chat, connection, other)
        await chat.store.read(queries.known_person, other)  # before it counts
        await chat.quotas.open_direct(connection)
        await chat.store.write(queries.open_direct, room=room, by=myself.id, to=other)
        await announce(chat, myself, other)

    await (made_for(chat, room, ask, make) if makes_room else ask())
    _forget_pairs(chat)
    chat.pairs[room] = (myself.id, other)
    return room


def _forget_pairs(chat: Chat) -> None:
    if len(chat.pairs) >= max(MAX_PAIRS, 2 * len(chat.presence.rooms)):
        chat.pairs = {room: pair for room, pair in chat.pairs.items() if room in chat.presence.rooms}


async def about(chat: Chat, person: str, room: str) -> Answer:
    """What somebody is told of their room of two besides: how they call it, and with whom it is."""
    return {"name": shown(chat, room, person), "person": await called(chat, other_of(chat, room, person))}


async def called(chat: Chat, person: str) -> Answer:
    """`{id, nickname}`, as they are called now."""
    known = chat.presence.online.nickname(person)
    found = {"id": person, "nickname": known} if known else await chat.store.read(queries.known_person, person)
    return {"id": person, "nickname": found["nickname"] or "somebody"}


async def tell_other(chat: Chat, speaker: Speaker) -> None:
    """Something new was said in a room of two: the other one's connections that do not hear the room are told of it."""
    other = other_of(chat, speaker.room, speaker.id)
    here = chat.presence.online.connections(other)
    if chat.presence.has_in(speaker.room, other) and all(chat.presence.has_joined(one, speaker.room) for one in here):
        return
    with contextlib.suppress(Refused):  # what was said is stored: they find it when they come
        await announce(chat, speaker, other)


async def announce(chat: Chat, by: Person, to: str) -> None:
    """Let the connections of `to` that are not in the room know that somebody wants to talk; not of whom they
    ignore."""
    if await chat.store.read(queries.is_ignored_by, by.id, to):
        return
    told = {"room": SIGN + by.id, "person": {"id": by.id, "nickname": people.borne(chat, by)}}
    hear(chat, to, told)
    chat.directory.tell_person(to, "opened", told)


def hear(chat: Chat, person: str, told: Answer) -> None:
    """Here or at another process somebody wants to talk to this person."""
    room = stored_name(person, told["room"])
    for one in chat.presence.online.connections(person):
        if not chat.presence.has_joined(one, room):
            chat.broadcaster.send_to(one.id, "opened", told)


async def list_of(chat: Chat, person: str) -> list[Answer]:
    """A person's rooms of two, the ones used last first: `{name, stored, person, seq, at}`."""
    found = await chat.store.read(queries.directs_of, person)
    return [
        {
            "name": SIGN + one["other"],
            "stored": one["room"],
            "seq": one["seq"],
            "at": one["at"],
            "person": {
                "id": one["other"],
                "nickname": chat.presence.online.nickname(one["other"]) or one["nickname"] or "somebody",
            },
        }
        for one in found
    ]
