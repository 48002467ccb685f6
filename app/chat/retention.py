"""Retention: how long messages, unused guests and unused rooms are kept.

Messages are deleted oldest first, by the room's own rule or the server's. Guests who never said anything and rooms in
which nobody did are forgotten after `guest_days`. Everything is deleted in small transactions, so that senders do not
wait.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from app.chat import Chat
from app.model import Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

PRUNE_INTERVAL_S = 600.0  # between two runs
MESSAGES_PER_WRITE = 500  # deleted in one transaction
ROWS_PER_WRITE = 100  # guests or rooms forgotten in one transaction
PAUSE_S = 0.05  # between these transactions, for other writers
REMOVED_MS = 90_000  # for which what was deleted is kept; it can be put back for 60 s
DELETED_INTERVAL_S = 30.0  # between two looks for what was deleted longer ago
MS_PER_DAY = 86_400_000


@dataclass(frozen=True)
class Retention:
    """How many days, how many messages and how many bytes of a room are kept. None: no limit."""

    days: float | None = None
    messages: int | None = None
    bytes: int | None = None


def retention_of(chat: Chat, room: dict[str, Any]) -> Retention:
    """The room's own rule where it has one (0: no limit), else the server's."""

    def chosen(own: float | None, other: float | None) -> Any:
        return (own or None) if own is not None else other

    return Retention(
        chosen(room["keep_days"], chat.keep_days),
        chosen(room["keep_messages"], chat.keep_messages),
        chosen(room["keep_bytes"], chat.keep_bytes),
    )


def as_told(retention: Retention) -> dict[str, float]:
    """As the wire has it: `{days?, messages?, bytes?}`."""
    found = {"days": retention.days, "messages": retention.messages, "bytes": retention.bytes}
    return {name: value for name, value in found.items() if value is not None}


async def run(chat: Chat) -> None:
    """Prunes at intervals for as long as the server runs."""
    while True:
        try:
            await prune(chat)
            await forget_unused(chat)
            await pass_rooms_on(chat)
            await chat.store.write(queries.forget_lapsed)
        except Refused as refusal:  # the database is full or locked: the next run tries again
            log.warning("old messages could not be deleted: %s", refusal.text)
        await asyncio.sleep(PRUNE_INTERVAL_S)


async def forget_deleted(chat: Chat) -> None:
    """What was deleted goes for good, for as long as the server runs."""
    while True:
        await asyncio.sleep(DELETED_INTERVAL_S)
        before = queries.now() - REMOVED_MS
        try:
            if await chat.store.read(queries.has_removed, before):
                await chat.store.write(queries.forget_removed, before=before)
        except Refused as refusal:  # the next look tries again
            log.warning("what was deleted could not be forgotten: %s", refusal.text)


async def prune(chat: Chat) -> int:
    """Deletes the messages of every room that are beyond its retention. Returns their number."""
    deleted = 0
    for room in await chat.store.read(queries.rooms_with_messages):
        retention = retention_of(chat, room)
        if retention != Retention():
            deleted += await _prune_room(chat, room, retention)
    return deleted


async def _prune_room(chat: Chat, room: dict[str, Any], retention: Retention) -> int:
    deleted, first = 0, 0
    if retention.bytes:
        first = await chat.store.read(queries.first_within, room["name"], retention.bytes)
    if retention.messages:
        first = max(first, room["seq"] - retention.messages + 1)
    while True:
        count: int = await chat.store.write(
            queries.delete_oldest,
            room=room["name"],
            before_seq=first,
            before_at=int(queries.now() - retention.days * MS_PER_DAY) if retention.days else 0,
            limit=MESSAGES_PER_WRITE,
        )
        deleted += count
        if count < MESSAGES_PER_WRITE:
            return deleted


async def pass_rooms_on(chat: Chat) -> int:
    """Rooms whose owners have been away for `owner_days` go to their eldest moderator. Returns their number."""
    if not chat.owner_days:
        return 0
    left_before, passed = int(queries.now() - chat.owner_days * MS_PER_DAY), 0
    for room in await chat.store.read(queries.rooms_without_owner, left_before):
        if await chat.store.write(queries.pass_on, room=room, left_before=left_before):
            chat.on_rules(room)
            passed += 1
    return passed


async def forget_unused(chat: Chat) -> tuple[int, int]:
    """Forgets unused guests and rooms that are older than `guest_days`. Returns the number of each."""
    if not chat.guest_days:
        return 0, 0
    days = chat.guest_days * MS_PER_DAY
    left_before = int(queries.now() - max(days, chat.nickname_hold * 1000))
    rooms = await _forget_rooms(chat, int(queries.now() - days))  # first, for whoever owns one is no unused guest
    return await _forget_guests(chat, left_before), rooms


async def _forget_guests(chat: Chat, left_before: int) -> int:
    deleted = 0
    after: str | None = ""
    while after is not None:
        unused, after = await chat.store.read(queries.unused_guests, after, left_before, ROWS_PER_WRITE)
        if unused := [one for one in unused if not chat.presence.online.is_here(one)]:
            deleted += await chat.store.write(queries.forget_guests, unused, left_before)
            await asyncio.sleep(PAUSE_S)
    return deleted


async def _forget_rooms(chat: Chat, made_before: int) -> int:
    """A join of one of these rooms waits until the room is deleted, and makes it again (`rooms.join`)."""
    deleted = 0
    after: str | None = ""
    while after is not None:
        unused, after = await chat.store.read(queries.unused_rooms, after, made_before, ROWS_PER_WRITE)
        if unused := [name for name in unused if not chat.presence.rooms.count(name)]:
            forgetting = asyncio.ensure_future(chat.store.write(queries.forget_rooms, unused, made_before))
            chat.forgetting.update(dict.fromkeys(unused, forgetting))
            try:
                deleted += await forgetting
            finally:
                for name in unused:
                    if chat.forgetting.get(name) is forgetting:  # else another look found it at the same time
                        del chat.forgetting[name]
            await asyncio.sleep(PAUSE_S)
    return deleted
