"""The list of one's mentions, over all rooms that one may read."""

from typing import Any

from app.chat import Chat, access
from app.chat.kinds import Moment, PageLimit, milliseconds
from app.chat.messages import as_told
from app.chat.search import joined
from app.model import Person
from app.store import queries

Answer = dict[str, Any]

PAGE = 50  # messages in one answer


async def mentions(
    chat: Chat, person: Person, *, before: Moment | None = None, limit: PageLimit | None = None
) -> Answer:
    """The messages that call one, each with its `room`, the newest first: of all rooms that one may read, said before
    the time `before`. Those of people whom one ignores are left out. `more` says that older ones exist."""
    here = joined(chat, person.id)
    rooms = await chat.store.read(queries.rooms_that_mention, person.id, here)
    readable = [room for room in rooms if await access.may_person_read(chat, room, person.id)]
    page, more = await chat.store.read(
        queries.mentioning,
        person=person.id,
        rooms=readable,
        also=here,
        before=milliseconds(before) if before else None,
        limit=min(limit or PAGE, PAGE),
    )
    return {"messages": [as_told(one) | {"room": one["room"]} for one in page], "more": more}
