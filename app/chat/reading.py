"""Reading marks: how far somebody has read a room, the same in all of their tabs and on all of their devices."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from app.chat import Chat
from app.chat.direct import is_direct, shown, stored_name
from app.chat.kinds import Seq
from app.chat.messages import iso
from app.model import Connection, Member, Refused
from app.store import queries

Answer = dict[str, Any]


async def seen(chat: Chat, member: Member, *, seq: Seq) -> Answer:
    """One has read the room up to this message. One's other tabs and devices are told, by the event `seen`. A mark
    never goes back."""
    chat.marks.note(member.id, member.room, seq)
    told = {"room": shown(chat, member.room, member.id), "seq": seq}
    hear(chat, member.id, told, member.connection)
    chat.directory.tell_person(member.id, "seen", told)
    return {}


def hear(chat: Chat, person: str, told: Answer, but: Connection | None = None) -> None:
    """By this connection or at another process the person has read something."""
    room = stored_name(person, told["room"])
    for one in chat.presence.online.connections(person):
        if one is not but and chat.presence.has_joined(one, room):
            chat.broadcaster.send_to(one.id, "seen", told)


async def on_join(chat: Chat, person: str, room: str, last: int) -> Answer:
    """How far the person has read the room whose newest message is `last`, and how many others' are unread: `{seen,
    unread}`, nothing where that cannot be read now. To whoever comes for the first time all of it is read, but in a
    room of two."""
    with contextlib.suppress(Refused):
        mark = (await chat.marks.of(person)).get(room)
        if mark is None:
            mark = 0 if is_direct(room) else last
            chat.marks.note(person, room, mark)
        mark = min(mark, last)
        unread = await chat.store.read(queries.unread, person, [(room, mark)]) if mark < last else {room: 0}
        return {"seen": mark, "unread": unread[room]}
    return {}


async def of_rooms(chat: Chat, person: str, names: Iterable[str]) -> dict[str, Answer]:
    """The same of those of these rooms in which they have been."""
    marks = await chat.marks.of(person)
    here = [(name, marks[name]) for name in names if name in marks]
    unread = await chat.store.read(queries.unread, person, here) if here else {}
    return {name: {"seen": seq, "unread": unread[name]} for name, seq in here}


async def of_directs(chat: Chat, person: str, mine: Sequence[Answer]) -> list[Answer]:
    """The same of one's rooms of two (`direct.list_of`)."""
    marks = await chat.marks.of(person)
    seen = {one["stored"]: min(marks.get(one["stored"], 0), one["seq"]) for one in mine}
    unread = await chat.store.read(queries.unread, person, list(seen.items())) if seen else {}
    return [
        {"name": one["name"], "person": one["person"], "at": iso(one["at"])}
        | {"seen": seen[one["stored"]], "unread": unread[one["stored"]]}
        for one in mine
    ]
