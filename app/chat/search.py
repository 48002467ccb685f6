"""Looking for what was said."""

from dataclasses import replace
from typing import Any

from app.chat import Chat, names
from app.chat.direct import is_direct, stored_name
from app.chat.kinds import Moment, RoomRef, SearchQuery, Seq, milliseconds
from app.chat.messages import as_told
from app.model import Person, Refused
from app.store import queries

Answer = dict[str, Any]


async def search(
    chat: Chat, person: Person, *, query: SearchQuery, room: RoomRef | None = None, before: Seq | Moment | None = None
) -> Answer:
    """Find what was said, the newest first: in `room`, before seq `before`; or in all rooms that one may read and has
    been in, before the time `before` (as `at` of the last message of the page before). Each message has the `room` that
    it is in, and `marks`: from where to where of its text the words stand, in UTF-16 units; `file_marks`: the same of
    the name of its file. All words are to be in a message or in that name, the last of them may go on; "several words"
    in their order; `from:nickname` said it; `before:2026-11-27`, `after:2026-11-27` and `on:2026-11-27` are days (UTC;
    `after` holds that day). Accents and capitals do not count; signs are passed over, emoji are words."""
    question = await _with_authors(chat, queries.question(query))
    if question.is_empty and (question.since is not None or question.until is not None):
        raise Refused("bad_payload", "Say which word to look for, or who said it: from:nickname.", field="query")
    stored = None if room is None else stored_name(person.id, room)
    if isinstance(before, str):
        at = milliseconds(before)
        question = replace(question, until=at if question.until is None else min(at, question.until))
    async with chat.searching:
        found, more = await chat.store.read(
            queries.find,
            person.id,
            joined(chat, person.id),
            list(await chat.marks.of(person.id)),
            question,
            chat.limits.found,
            stored,
            before if isinstance(before, int) else None,
        )
    others = await chat.store.read(queries.others_of, person.id) if any(is_direct(one["room"]) for one in found) else {}
    return {
        "messages": [
            as_told(one) | {"room": others.get(one["room"], one["room"])} | _marks(question, one) for one in found
        ],
        "more": more,
    }


def _marks(question: queries.Question, message: queries.Message) -> Answer:
    marks = {"marks": question.marks(message["text"])}
    return marks | {"file_marks": question.marks(queries.file_name(message["file"]))} if message["file"] else marks


def joined(chat: Chat, person: str) -> list[str]:
    """The rooms in which the person is now, by any of their connections."""
    online = chat.presence.online.get(person)
    return sorted({room for rooms in online.connections.values() for room in rooms}) if online else []


async def _with_authors(chat: Chat, question: queries.Question) -> queries.Question:
    """Somebody is meant by the name that they bear now as well, under whatever name they spoke."""
    authors = list(question.authors)
    for nickname in question.nicknames:
        try:
            name = names.nickname(nickname)
        except Refused:
            continue
        if person := await chat.store.read(queries.bearer, name, names.skeletons(name)):
            authors.append(queries.of_author(person))
    return replace(question, authors=tuple(authors))
