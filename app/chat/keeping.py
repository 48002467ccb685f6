"""How long messages are kept: by the server's rule, or the room's own. The oldest go first, a few at a time."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from app.chat import Chat
from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

EVERY = 600.0  # seconds between two looks at what is too old
AT_ONCE = 500  # messages in one transaction: who speaks meanwhile does not wait for more
DAY = 86_400_000  # milliseconds


@dataclass(frozen=True)
class Keep:
    """None: for ever, however many."""

    days: float | None = None
    messages: int | None = None


def keeping(chat: Chat, room: dict[str, Any]) -> Keep:
    """What holds in a room: its own rule, where it has one (0: for ever), else the server's."""
    days, messages = room["keep_days"], room["keep_messages"]
    return Keep(
        (days or None) if days is not None else chat.keep_days,
        (messages or None) if messages is not None else chat.keep_messages,
    )


def as_told(keep: Keep) -> dict[str, float]:
    """As the wire has it: `{days?, messages?}`."""
    told = {"days": keep.days, "messages": keep.messages}
    return {name: value for name, value in told.items() if value is not None}


async def look_after(chat: Chat) -> None:
    """For as long as the server runs."""
    while True:
        try:
            await clear(chat)
        except Refused as refusal:  # a full or locked database: next time
            log.warning("old messages could not be let go: %s", refusal.text)
        await asyncio.sleep(EVERY)


async def clear(chat: Chat) -> int:
    """Forget in every room what is too old by now. How many messages."""
    gone = 0
    for room in await chat.store.read(queries.all_rooms):
        keep = keeping(chat, room)
        if keep != Keep():
            gone += await _clear(chat, room, keep)
    return gone


async def _clear(chat: Chat, room: dict[str, Any], keep: Keep) -> int:
    gone = 0
    while True:
        some: int = await chat.store.write(
            queries.let_go,
            room=room["name"],
            before_seq=room["seq"] - keep.messages + 1 if keep.messages else 0,
            before_at=int(queries.now() - keep.days * DAY) if keep.days else 0,
            limit=AT_ONCE,
        )
        gone += some
        if some < AT_ONCE:
            return gone
