"""What somebody sees of a room before they come in: at its door, and in the preview of a shared link.

A listed room that lets everybody in shows what is said there. One that is not listed shows how many are there, to
whoever has its address. One that is closed shows nothing. Nobody is counted as having looked, and no room is made.
"""

import random
from dataclasses import dataclass, field
from typing import Any

from app.chat import Chat, access, people
from app.chat.direct import is_direct
from app.chat.messages import changes
from app.chat.rules import BAN
from app.model import Refused

LAST_WORDS = 12  # messages
FIRST_NAMES = 4

# fmt: off
_KINDS = (
    "Amber", "Brave", "Bright", "Calm", "Clever", "Coral", "Curious", "Dapper", "Eager", "Gentle", "Golden",
    "Happy", "Jolly", "Kind", "Lively", "Lucky", "Mellow", "Merry", "Patient", "Plucky", "Quick", "Quiet",
    "Silver", "Steady", "Sunny", "Swift", "Tidy", "Velvet", "Warm", "Witty",
)
_ANIMALS = (
    "Badger", "Beaver", "Crane", "Cricket", "Dolphin", "Dove", "Falcon", "Finch", "Fox", "Hare", "Hedgehog",
    "Heron", "Ibis", "Koala", "Lark", "Lemur", "Lynx", "Magpie", "Marten", "Moth", "Newt", "Otter", "Owl",
    "Panda", "Penguin", "Puffin", "Quail", "Raven", "Robin", "Seal", "Sparrow", "Stork", "Swan", "Tern",
    "Turtle", "Vole", "Whale", "Wren",
)
# fmt: on


@dataclass(frozen=True)
class Doorway:
    """count: of the people there; None: not told. names: of the first of them. messages: the last ones, as clients
    are told of them; none where the room is not `is_public`. is_unlisted: or closed, or not known."""

    topic: str = ""
    count: int | None = None
    names: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    is_public: bool = False
    is_new: bool = False
    is_unlisted: bool = True


async def look(chat: Chat, room: str, tokens: list[str]) -> Doorway:
    """tokens: of whoever looks. A page is shown also where nothing can be read."""
    if is_direct(room):
        return Doorway()
    try:
        return await _look(chat, room, tokens)
    except Refused as refusal:
        return Doorway(count=0, is_new=True) if refusal.code == "no_such_room" else Doorway()


async def _look(chat: Chat, room: str, tokens: list[str]) -> Doorway:
    row, page = await changes(chat, room, None, None, LAST_WORDS)
    rules = await access.known(chat, room, row["rules_rev"])
    if rules.is_closed:
        return Doorway()
    count = chat.presence.rooms.count(room)
    if not rules.room["listed"]:
        return Doorway(count=count)
    if rules.sanctions and (reader := await people.stored(chat, tokens)) and rules.sanction(reader, BAN):
        return Doorway()
    said = [message for message in page["messages"] if "deleted" not in message]
    names = chat.presence.rooms.names(room, FIRST_NAMES)
    return Doorway(rules.room["topic"], count, names, said, is_public=True, is_unlisted=False)


def suggested(chat: Chat, room: str) -> str:
    """A nickname for whoever has none in mind: one that nobody in the room bears."""
    borne = {name.casefold() for name in chat.presence.rooms.names(room, 1_000)}
    for _ in range(20):
        name = f"{random.choice(_KINDS)} {random.choice(_ANIMALS)}"  # noqa: S311  no secret
        if name.casefold() not in borne:
            break
    return name
