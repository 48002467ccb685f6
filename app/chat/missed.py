"""What a process asks of the database that may not have heard everything: where rooms stand, and what it missed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.chat import Memory
from app.chat.messages import as_told
from app.model import LIMITS, Refused
from app.store import queries


@dataclass(frozen=True)
class Missed:
    """A page of what changed in a room after some rev, in the order of rev, as its members are told of it. rev: the
    room's own, as of the same moment. too_much: more than anybody is brought up to date with; `messages` are the last
    ones."""

    rev: int
    messages: list[dict[str, Any]] = field(default_factory=list)
    more: bool = False
    too_much: bool = False


async def standings(store: Memory, names: Sequence[str]) -> tuple[str, dict[str, tuple[int, int]]]:
    """The name of the history; and `{name: (rev, rules_rev)}` of those rooms that there are. Raises Refused."""
    return await store.read(queries.standings, names)


async def about(store: Memory, name: str) -> dict[str, Any]:
    """The room as it is stored. Raises Refused."""
    return await store.read(queries.room, name)


async def after(store: Memory, name: str, rev: int) -> Missed:
    """What changed in the room after this rev. Raises Refused where the database cannot be read."""
    try:
        found = await store.read(queries.catch_up, name, rev, None, LIMITS.page, LIMITS.behind)
    except Refused as refusal:
        if refusal.code != "no_such_room":
            raise
        return Missed(0)
    messages = sorted(map(as_told, found["messages"]), key=lambda message: int(message["rev"]))
    return Missed(found["room"]["rev"], messages, found["more"], found["last_page"])
