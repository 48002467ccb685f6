"""Rooms: join, leave, who is there, who is typing."""

from functools import partial
from typing import Any

from app.chat import Chat, people, retention
from app.chat.kinds import Epoch, NicknameWish, PeopleLimit, Rev, RoomName, Topic
from app.chat.messages import changes
from app.chat.opening import in_room
from app.model import Connection, Member, Person, Refused, Subscription
from app.store import queries

Answer = dict[str, Any]

MAX_ROOMS = 100  # in one answer


async def join(
    chat: Chat,
    connection: Connection,
    *,
    room: RoomName,
    after: Rev | None = None,
    nickname: NicknameWish | None = None,
    epoch: Epoch | None = None,
) -> Answer:
    """Join a room, which is made if there is none, and catch up: with what changed after rev `after`, or with the
    last page. `nickname`, where given, is the name to bear. `epoch`, the one that the room told, says from which
    history the rev is: of another one it means nothing. For this socket; after a reconnect, join again. `people` are
    the first of them, 50 at most; the verb `people` brings the others. A connection is in 100 rooms at most.
    """
    most = chat.limits.rooms
    joined = chat.presence.online.rooms(connection)
    if room not in joined and len(joined) >= most:
        raise Refused("too_many", f"A connection is in {most} rooms at most. Leave one, then join #{room}.")
    if nickname is not None:
        await people.take(chat, connection, nickname)
    had_joined = chat.presence.has_joined(connection, room)
    _enter(chat, connection, room)  # before reading: what is said meanwhile is heard, not missed
    try:
        await chat.broadcaster.follow(room)
        about, missed = await in_room(chat, connection, room, partial(changes, chat, room, after, epoch))
        await chat.directory.wait_known(room)
    except BaseException:
        if not had_joined:
            _exit(chat, connection, room)
        raise
    here, _ = chat.presence.rooms.page(room, None, chat.limits.first_people)
    return {
        "room": as_told(chat, about),
        "me": people.me(chat, connection.person),
        "people": here,
        "count": chat.presence.rooms.count(room),
        **missed,
    }


async def leave(chat: Chat, subscription: Subscription) -> Answer:
    """Leave the room, with this socket."""
    _exit(chat, subscription.connection, subscription.room)
    return {}


def _enter(chat: Chat, connection: Connection, room: str) -> None:
    chat.presence.join(connection, room)
    chat.broadcaster.subscribe(connection.id, room)


def _exit(chat: Chat, connection: Connection, room: str) -> None:
    chat.broadcaster.unsubscribe(connection.id, room)
    chat.presence.leave(connection, room)


async def typing(chat: Chat, member: Member) -> Answer:
    """Let the room see that one is typing, once a second at most. There is no event for the end of it: clients let it
    pass."""
    if not chat.rates.is_off and not chat.floods.is_news(member):
        return {}
    chat.broadcaster.broadcast(member.room, "typing", {"room": member.room, "nickname": people.borne(chat, member)})
    return {}


async def people_of(
    chat: Chat, member: Member, *, after: NicknameWish | None = None, limit: PeopleLimit | None = None
) -> Answer:
    """Who is in the room, in pages in the order of names, from the name after `after`."""
    most = min(limit or chat.limits.people, chat.limits.people)
    here, more = chat.presence.rooms.page(member.room, after, most)
    return {"people": here, "more": more, "count": chat.presence.rooms.count(member.room)}


async def topic(chat: Chat, member: Member, *, topic: Topic) -> Answer:
    """Say what the room is about. Everybody in it is told."""
    size = len(topic.encode())
    chat.quotas.store(member.connection, size)
    write = partial(chat.store.write, queries.set_topic, room=member.room, topic=topic)
    try:
        room = as_told(chat, await in_room(chat, member.connection, member.room, write))
    except BaseException:
        chat.quotas.give_back(member.connection, size)
        raise
    chat.broadcaster.broadcast(member.room, "room", {"room": room})
    return {"room": room}


async def rooms(chat: Chat, person: Person) -> Answer:
    """The public rooms: those with people first, then those used last."""
    return {"rooms": await public(chat)}


async def public(chat: Chat) -> list[dict[str, Any]]:
    """`[{name, topic, people, rev}]`, 100 at most."""
    busy = tuple(sorted(chat.presence.rooms.busiest(MAX_ROOMS)))
    found = await chat.store.read_cached_rooms(queries.lively_rooms, busy, MAX_ROOMS)
    rooms = [{**room, "people": chat.presence.rooms.count(room["name"])} for room in found]
    return sorted(rooms, key=lambda room: (-room["people"], room["name"]))[:MAX_ROOMS]


def as_told(chat: Chat, room: dict[str, Any]) -> dict[str, Any]:
    """`{name, topic, rev, epoch, people, keep?}`."""
    told = {name: room[name] for name in ("name", "topic", "rev")}
    told |= {"epoch": room.get("epoch", chat.epoch), "people": chat.presence.rooms.count(room["name"])}
    keep = retention.as_told(retention.retention_of(chat, room))
    return told | {"keep": keep} if keep else told
