"""Ignoring somebody: their words fold to a line for whoever ignores them, on all their devices. Nobody else is told.

The server keeps whom somebody ignores; what that hides is the page's business, so that an ignored message can still be
opened, and every client counts the same `rev`.
"""

from typing import Any

from app.chat import Chat
from app.chat.kinds import Flag, PersonId
from app.model import Connection, Refused
from app.store import queries

Answer = dict[str, Any]


async def ignore(chat: Chat, connection: Connection, *, person: PersonId, on: Flag) -> Answer:
    """Ignore a person, or no longer: pages fold their words to a line. One's other tabs and devices are told, the
    person is not. `ignored` are the ids of all whom one ignores."""
    myself = connection.person.id
    if person == myself:
        raise Refused("not_allowed", "Nobody can ignore themselves.")
    most = chat.limits.ignored
    ignored = await chat.store.write(queries.ignore, person=myself, other=person, on=on, most=most)
    _tell_tabs(chat, myself, ignored, connection)
    chat.directory.tell_ignored(myself)
    return {"ignored": ignored}


async def tell_ignored(chat: Chat, person: str) -> None:
    """Another process has changed whom this person ignores, or a tab has become theirs: their connections to this one
    are told. Read one after another, so that what is told last is the newest. Raises Refused."""
    async with chat.reading_ignored:
        if chat.presence.online.connections(person):
            _tell_tabs(chat, person, await chat.store.read(queries.ignored_by, person))


def _tell_tabs(chat: Chat, person: str, ignored: list[str], but: Connection | None = None) -> None:
    for one in chat.presence.online.connections(person):
        if one is not but and one.person.id == person:
            chat.broadcaster.send_to(one.id, "ignored", {"ignored": ignored})
