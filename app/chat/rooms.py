"""Rooms: join, leave, who is there, who is typing."""

from functools import partial
from typing import Any

from app.chat import Chat, access, direct, people, reading
from app.chat.access import Pass
from app.chat.direct import is_direct
from app.chat.kinds import (
    Epoch,
    Flag,
    Key,
    NicknameWish,
    Passphrase,
    PeopleLimit,
    PersonId,
    Rev,
    RoomRef,
    SearchQuery,
    Topic,
)
from app.chat.messages import changes
from app.chat.opening import in_room
from app.chat.rules import OWNER
from app.model import Connection, Member, Person, Refused, Sentence, Speaker, Subscription
from app.store import queries

Answer = dict[str, Any]

MAX_ROOMS = 100  # in one answer


async def join(
    chat: Chat,
    connection: Connection,
    *,
    room: RoomRef,
    after: Rev | None = None,
    nickname: NicknameWish | None = None,
    epoch: Epoch | None = None,
    passphrase: Passphrase | None = None,
    invite: Key | None = None,
    listed: Flag = True,
) -> Answer:
    """Join a room and catch up: with what changed after rev `after`, or with the last page. A room that there is not is
    made, with `listed` false one that is in no list, and belongs to whoever makes it. `passphrase` and `invite` are for
    rooms that do not let everybody in. `nickname`, where given, is the name to bear. `epoch`, the one that the room
    told, says from which history the rev is: of another one it means nothing. For this socket; after a reconnect, join
    again. `people` are the first of them, 50 at most; the verb `people` brings the others. A connection is in 100 rooms
    at most. `seen` is how far one has read, and `unread` how many messages of others come after that, 100 at most.
    """
    shown_as, room = room, direct.stored_name(connection.person.id, room)
    most = chat.limits.rooms
    joined = chat.presence.online.rooms(connection)
    if room not in joined and len(joined) >= most:
        text = Sentence("A connection is in {most} rooms at most. Leave one, then join #{room}.", most=most, room=room)
        if is_direct(room):
            text = Sentence("A connection is in {most} rooms at most. Leave one, then come again.", most=most)
        raise Refused("too_many", text)
    if is_direct(room):
        await direct.begin(chat, connection, shown_as.removeprefix(direct.SIGN))
    enters = not (connection.visits or chat.presence.has_joined(connection, room))
    shown = Pass(passphrase, invite, chat.presence.has_in(room, connection.person.id))
    if nickname is not None and await _would_make(chat, connection, room):
        await people.take(chat, connection, nickname)  # before: for a name that is taken no room is made
        nickname = None
    rules = await access.let_in(chat, connection, room, shown, listed)
    if nickname is not None:  # of whoever is not let in nothing changes
        await people.take(chat, connection, nickname)
    if not connection.visits:
        access.enter(chat, connection, room, rules, shown_as)  # before reading: what is said meanwhile is heard
    try:
        await chat.broadcaster.follow(room)
        about, missed = await in_room(chat, connection, room, partial(changes, chat, room, after, epoch))
        if about["rules_rev"] != rules.rev:
            rules = await access.recheck(
                chat, connection, room, await access.refresh(chat, room, is_joining=True), shown
            )
        await chat.directory.wait_known(room)
        access.refuse_barred(chat, connection, room, chat.rules.get(room, rules))
    except BaseException:
        if enters:
            access.leave(chat, connection, room)
        raise
    here, _ = chat.presence.rooms.page(room, None, chat.limits.first_people)
    person = connection.person.id
    told = access.as_told(chat, about) | rules.standing(person)
    return {
        "room": told | await direct.about(chat, person, room) if is_direct(room) else told,
        "me": people.me(chat, connection.person),
        "people": here,
        "count": chat.presence.rooms.count(room),
        **missed,
        **await reading.on_join(chat, person, room, about["seq"]),
    }


async def open_direct(chat: Chat, connection: Connection, *, person: PersonId) -> Answer:
    """Talk to somebody alone: join the room of the two, which is made if need be and has the name `@{person}` for
    whoever asks. Its `kind` is `direct`, and `person` says who the other one is. They are told, by the event `opened`,
    unless they ignore whoever asks."""
    return await join(chat, connection, room=f"{direct.SIGN}{person}")


async def _would_make(chat: Chat, connection: Connection, room: str) -> bool:
    """Is there no such room, and may one be made?"""
    try:
        await access.known(chat, room)
    except Refused as refusal:
        if refusal.code != "no_such_room":
            raise
        return not chat.quotas.rooms.is_spent(connection.address)
    return False


async def leave(chat: Chat, subscription: Subscription) -> Answer:
    """Leave the room, with this socket. Over HTTP one is in no list of people, and there is nothing to leave."""
    if not subscription.connection.visits:
        access.leave(chat, subscription.connection, subscription.room)
    return {}


async def typing(chat: Chat, speaker: Speaker) -> Answer:
    """Let the room see that one is typing, once a second at most. There is no event for the end of it: clients let it
    pass."""
    if not chat.rates.is_off and not chat.floods.is_news(speaker):
        return {}
    told = {"room": speaker.room, "nickname": people.borne(chat, speaker), "person": speaker.id}
    chat.broadcaster.broadcast(speaker.room, "typing", told)
    return {}


async def people_of(
    chat: Chat, member: Member, *, after: NicknameWish | None = None, limit: PeopleLimit | None = None
) -> Answer:
    """Who is in the room, in pages in the order of names, from the name after `after`."""
    most = min(limit or chat.limits.people, chat.limits.people)
    here, more = chat.presence.rooms.page(member.room, after, most)
    return {"people": here, "more": more, "count": chat.presence.rooms.count(member.room)}


async def topic(chat: Chat, speaker: Speaker, *, topic: Topic) -> Answer:
    """Say what the room is about. Everybody in it is told. Owners may keep that to themselves (`settings`)."""
    rules = access.rules_of(chat, speaker)
    if rules.room["topic_by"] == OWNER:
        access.require(rules, speaker.id, OWNER)
    size = len(topic.encode())
    chat.quotas.store(speaker.connection, size)
    asked: dict[str, Any] = {"room": speaker.room, "topic": topic, "rules_rev": speaker.rules_rev}
    write = partial(chat.store.write, queries.set_topic, **asked, nickname=people.borne(chat, speaker))
    try:
        await in_room(chat, speaker.connection, speaker.room, write)
    except BaseException:
        chat.quotas.give_back(speaker.connection, size)
        raise
    return {"room": access.as_told_to(chat, await access.tell(chat, speaker.room), speaker.id)}


async def rooms(chat: Chat, person: Person, *, query: SearchQuery | None = None) -> Answer:
    """The public rooms, or those of them with the text `query` in their name or topic: those with people first, then
    those used last. `seen` and `unread` (as with `join`) are told of those in which one has been. `direct` are one's
    rooms of two, the ones used last first: `[{name, person, at, seen, unread}]`."""
    listed = await public(chat) if query is None else await named(chat, query)
    mine = await direct.list_of(chat, person.id)
    known = await reading.of_rooms(chat, person.id, [room["name"] for room in listed])
    directs = await reading.of_directs(chat, person.id, mine)
    return {"rooms": [room | known.get(room["name"], {}) for room in listed], "direct": directs}


async def public(chat: Chat) -> list[dict[str, Any]]:
    """`[{name, topic, people, rev}]`, 100 at most."""
    busy = tuple(sorted(chat.presence.rooms.busiest(MAX_ROOMS)))
    return _with_people(chat, await chat.store.read_cached_rooms(queries.lively_rooms, busy, MAX_ROOMS))


async def named(chat: Chat, text: str) -> list[dict[str, Any]]:
    """The same of those with this text in their name or topic."""
    return _with_people(chat, await chat.store.read(queries.rooms_named, text.removeprefix("#").lower(), MAX_ROOMS))


def _with_people(chat: Chat, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rooms = [{**room, "people": chat.presence.rooms.count(room["name"])} for room in found]
    return sorted(rooms, key=lambda room: (-room["people"], room["name"]))[:MAX_ROOMS]
