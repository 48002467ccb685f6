"""Of what in a room somebody wants to be told. The page does so while it is open, pushes do while it is not."""

from typing import Any

from app.chat import Chat, people
from app.chat.direct import is_direct, shown
from app.chat.kinds import NotifyLevel
from app.model import ROW_BYTES, Member
from app.store import queries

Answer = dict[str, Any]

MAX_ROOMS = 500  # for which somebody has chosen


async def notify(chat: Chat, member: Member, *, level: NotifyLevel | None = None) -> Answer:
    """Choose of what in this room one wants to be told, on all devices: `all`, `mentions` (as without a choice) or
    `none`. Without `level` nothing changes. `levels` are all that one has chosen, by room."""
    if level is None:
        return _told(chat, member, await chat.store.read(queries.notify_levels, member.id))
    await people.record(chat, member.connection)
    chat.quotas.store(member.connection, ROW_BYTES)
    asked: dict[str, Any] = {"person": member.id, "room": member.room, "level": level, "most": MAX_ROOMS}
    return _told(chat, member, await chat.store.write(queries.set_notify_level, **asked))


def _told(chat: Chat, member: Member, levels: dict[str, str]) -> Answer:
    """Rooms of two as the member calls them, of those that are known here."""
    known = {room: level for room, level in levels.items() if not is_direct(room) or room in chat.pairs}
    return {"levels": {shown(chat, room, member.id): level for room, level in known.items()}}
