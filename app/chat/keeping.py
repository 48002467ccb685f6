"""How long messages are kept: by the server's rule, or the room's own. The oldest go first, a few at a time. And how
long guests and rooms are remembered of whom, and in which, nobody ever heard a word."""

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
FORGOTTEN_AT_ONCE = 100  # people or rooms in one transaction
PAUSE = 0.05  # seconds between those, in which others write
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
            await forget_unused(chat)
        except Refused as refusal:  # a full or locked database: next time
            log.warning("old messages could not be let go: %s", refusal.text)
        await asyncio.sleep(EVERY)


async def clear(chat: Chat) -> int:
    """Forget in every room what is too old by now. How many messages."""
    gone = 0
    for room in await chat.store.read(queries.rooms_with_messages):
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


async def forget_unused(chat: Chat) -> tuple[int, int]:
    """Forget guests who never said anything and rooms in which nobody did, after a while. How many of each."""
    if not chat.guest_days:
        return 0, 0
    days = chat.guest_days * DAY
    left_before = int(queries.now() - max(days, chat.nickname_hold * 1000))
    return await _forget_guests(chat, left_before), await _forget_rooms(chat, int(queries.now() - days))


async def _forget_guests(chat: Chat, left_before: int) -> int:
    gone, after = 0, ""
    while after is not None:
        unused, after = await chat.store.read(queries.unused_guests, after, left_before, FORGOTTEN_AT_ONCE)
        if unused := [one for one in unused if not chat.presence.is_here(one)]:
            gone += await chat.store.write(queries.forget_guests, unused, left_before)
            await asyncio.sleep(PAUSE)
    return gone


async def _forget_rooms(chat: Chat, made_before: int) -> int:
    """Who enters one of them meanwhile waits until it is gone, and makes it anew (`rooms.join`)."""
    gone, after = 0, ""
    while after is not None:
        unused, after = await chat.store.read(queries.unused_rooms, after, made_before, FORGOTTEN_AT_ONCE)
        if unused := [name for name in unused if not chat.presence.count(name)]:
            forgetting = asyncio.ensure_future(chat.store.write(queries.forget_rooms, unused, made_before))
            chat.forgetting.update(dict.fromkeys(unused, forgetting))
            try:
                gone += await forgetting
            finally:
                for name in unused:
                    del chat.forgetting[name]
            await asyncio.sleep(PAUSE)
    return gone
