"""Every question we ask of the memory, written once for every database.

Each takes the open transaction first and runs inside it; who writes, writes through `Database.write`, so that BEGIN
IMMEDIATE holds and a read before a write cannot go stale. Rows come back as plain dicts. Times are milliseconds.
"""

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update
from sqlalchemy import delete as remove

from app.model import Refused
from app.store.tables import epochs, messages, people, reactions, rooms

Message = dict[str, Any]


def now() -> int:
    return time.time_ns() // 1_000_000


# --- messages ---

# The statements of the busiest path are built once: building one costs more than running it.
_KNOWN = select(messages).where(messages.c.author == bindparam("author"), messages.c.id == bindparam("id"))
_CLAIM = (
    update(rooms)
    .where(rooms.c.name == bindparam("room"))
    .values(seq=rooms.c.seq + 1, rev=rooms.c.rev + 1, active_at=bindparam("at"))
    .returning(rooms.c.seq, rooms.c.rev)
)
_STORE = insert(messages)


def say(
    db: Connection,
    *,
    room: str,
    author: str,
    nickname: str,
    id: str,
    kind: str,
    text: str,
    reply_to: int | None,
) -> tuple[Message, bool]:
    """Store a message and claim its place. Returns it, and whether it is new: the same id again gives the first one."""
    if known := db.execute(_KNOWN, {"author": author, "id": id}).first():
        return _whole(db, [_same(known, room, kind, text)])[0], False
    if reply_to is not None and not _exists(db, room, reply_to):
        raise Refused("no_such_message", f"There is no message {reply_to} in #{room} to reply to.")
    at = now()
    seq, rev = db.execute(_CLAIM, {"room": room, "at": at}).one()
    message = {
        "room": room,
        "seq": seq,
        "rev": rev,
        "id": id,
        "author": author,
        "nickname": nickname,
        "kind": kind,
        "text": text,
        "reply_to": reply_to,
        "at": at,
    }
    db.execute(_STORE, message)
    return message | {"edited": None, "deleted": None}, True


def _same(known: Row[*tuple[Any, ...]], room: str, kind: str, text: str) -> Message:
    changed = known.edited is not None or known.deleted is not None
    if known.room != room or (not changed and (known.kind, known.text) != (kind, text)):
        raise Refused("id_reused", "This id was already used for another message; a new message needs a new one.")
    return _plain(known)


def _exists(db: Connection, room: str, seq: int) -> bool:
    return db.execute(select(messages.c.seq).where(messages.c.room == room, messages.c.seq == seq)).first() is not None


def edit(db: Connection, *, room: str, seq: int, author: str, text: str) -> tuple[Message, bool]:
    """Give one's own message another text. Returns it, and whether that changed anything."""
    message = _own(db, room, seq, author)
    if message["deleted"] is not None:
        raise Refused("no_such_message", "This message was deleted; it cannot be edited any more.")
    if message["text"] == text:
        return message, False
    return _changed(db, room, seq, text=text, edited=now()), True


def delete(db: Connection, *, room: str, seq: int, author: str) -> tuple[Message, bool]:
    """Take one's own message back: a tombstone stays in its place. Returns it, and whether that changed anything."""
    message = _own(db, room, seq, author)
    if message["deleted"] is not None:
        return message, False
    db.execute(remove(reactions).where(reactions.c.room == room, reactions.c.seq == seq))
    return _changed(db, room, seq, text="", reply_to=None, deleted=now(), deleted_by=author), True


def react(
    db: Connection, *, room: str, seq: int, person: str, nickname: str, emoji: str, on: bool, most: int
) -> tuple[Message, bool]:
    """Answer a message with an emoji, or take that back. Returns the message, and whether that changed anything."""
    message = one(db, room, seq)
    if message["deleted"] is not None:
        raise Refused("no_such_message", "This message was deleted; nobody can react to it any more.")
    names = message.get("reactions", {})
    mine = (reactions.c.room == room, reactions.c.seq == seq, reactions.c.emoji == emoji, reactions.c.person == person)
    known = db.execute(select(reactions.c.person).where(*mine)).first() is not None
    if known == on:
        return message, False
    if on and emoji not in names and len(names) >= most:
        raise Refused("not_allowed", f"A message takes {most} different reactions at most.")
    if on:
        row = {"room": room, "seq": seq, "emoji": emoji, "person": person, "nickname": nickname, "at": now()}
        db.execute(insert(reactions), row)
    else:
        db.execute(remove(reactions).where(*mine))
    return _changed(db, room, seq), True


def one(db: Connection, room: str, seq: int) -> Message:
    """A message as it looks now. Raises `no_such_message`."""
    found = db.execute(select(messages).where(messages.c.room == room, messages.c.seq == seq)).first()
    if found is None:
        raise Refused("no_such_message", f"There is no message {seq} in #{room}.")
    return _whole(db, [_plain(found)])[0]


def _own(db: Connection, room: str, seq: int, author: str) -> Message:
    message = one(db, room, seq)
    if message["author"] != author:
        raise Refused("not_allowed", "Only who said it can change it.")
    return message


def _changed(db: Connection, room: str, seq: int, **values: Any) -> Message:
    """Claim the room's next rev for a message that looks different now; its seq stays."""
    claim = update(rooms).where(rooms.c.name == room).values(rev=rooms.c.rev + 1).returning(rooms.c.rev)
    rev = db.execute(claim).scalar_one()
    db.execute(update(messages).where(messages.c.room == room, messages.c.seq == seq).values(rev=rev, **values))
    return one(db, room, seq)


def _whole(db: Connection, page: list[Message]) -> list[Message]:
    """Messages of a room with their reactions, `{emoji: [nickname]}` in the order of reacting: one question for all."""
    by_seq = {message["seq"]: message for message in page}
    if not page:
        return page
    wanted = (
        select(reactions.c.seq, reactions.c.emoji, reactions.c.nickname)
        .where(reactions.c.room == page[0]["room"], reactions.c.seq.in_(by_seq))
        .order_by(reactions.c.at, reactions.c.person)
    )
    for seq, emoji, nickname in db.execute(wanted):
        by_seq[seq].setdefault("reactions", {}).setdefault(emoji, []).append(nickname)
    return page


def changed_since(db: Connection, *, room: str, after: int, limit: int) -> tuple[list[Message], bool]:
    """What changed after rev `after`, ascending by rev, `limit` at most; and whether there is more."""
    wanted = (
        select(messages)
        .where(messages.c.room == room, messages.c.rev > after)
        .order_by(messages.c.rev)
        .limit(limit + 1)
    )
    return _page(db, db.execute(wanted).all(), limit)


def said_before(db: Connection, *, room: str, before: int | None, limit: int) -> tuple[list[Message], bool]:
    """The last `limit` messages before seq `before` (exclusive), ascending by seq; and whether there are older ones."""
    wanted = select(messages).where(messages.c.room == room).order_by(messages.c.seq.desc()).limit(limit + 1)
    if before is not None:
        wanted = wanted.where(messages.c.seq < before)
    page, more = _page(db, db.execute(wanted).all(), limit)
    return page[::-1], more


def _page(db: Connection, rows: Sequence[Row[*tuple[Any, ...]]], limit: int) -> tuple[list[Message], bool]:
    return _whole(db, [_plain(row) for row in rows[:limit]]), len(rows) > limit


# --- rooms ---


def epoch(db: Connection) -> str:
    name: str = db.execute(select(epochs.c.epoch)).scalar_one()
    return name


def begin_epoch(db: Connection, name: str) -> None:
    """Name the history of a new database; one that has a name keeps it."""
    if db.execute(select(epochs.c.epoch)).first() is None:
        db.execute(insert(epochs).values(epoch=name))


def open_room(db: Connection, name: str) -> None:
    """Make the room if there is none of that name."""
    if db.execute(select(rooms.c.name).where(rooms.c.name == name)).first() is None:
        db.execute(insert(rooms).values(name=name, topic="", seq=0, rev=0, created_at=now(), active_at=now()))


def room(db: Connection, name: str) -> dict[str, Any]:
    """`{name, topic, rev}`. Raises `no_such_room`."""
    found = db.execute(select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(rooms.c.name == name)).first()
    if found is None:
        raise Refused("no_such_room", f"There is no room #{name}.")
    return _plain(found)


def set_topic(db: Connection, name: str, topic: str) -> dict[str, Any]:
    db.execute(update(rooms).where(rooms.c.name == name).values(topic=topic))
    return room(db, name)


def lively_rooms(db: Connection, *, also: Sequence[str], limit: int) -> list[dict[str, Any]]:
    """The rooms used last, and those named in `also`: `{name, topic, rev}`."""
    used = or_(rooms.c.rev > 0, rooms.c.topic != "")  # a name that somebody mistyped is no room to show
    recent = select(rooms.c.name).where(used).order_by(rooms.c.active_at.desc(), rooms.c.name).limit(limit)
    wanted = select(rooms.c.name, rooms.c.topic, rooms.c.rev).where(
        or_(rooms.c.name.in_(recent), rooms.c.name.in_(also))
    )
    return [_plain(row) for row in db.execute(wanted)]


def catch_up(db: Connection, *, name: str, after: int | None, limit: int, behind: int) -> dict[str, Any]:
    """Room and messages as of one moment, for who comes or comes back: `{room, messages, more, last_page, reset}`.

    Without `after`, or more than `behind` changes behind it, or ahead of it (another history): the last page.
    """
    found = room(db, name)
    if after is None or not found["rev"] - behind <= after <= found["rev"]:
        page, _ = said_before(db, room=name, before=None, limit=limit)
        return {"room": found, "messages": page, "more": False, "last_page": True, "reset": after is not None}
    page, more = changed_since(db, room=name, after=after, limit=limit)
    return {"room": found, "messages": page, "more": more, "last_page": False, "reset": False}


# --- people ---


def arrive(
    db: Connection, *, token: str, new_id: str, wish: tuple[str, str] | None, guest: tuple[str, str], held: int
) -> dict[str, Any]:
    """The person whose token has this fingerprint, made on the first visit: `{id, nickname}`.

    wish, guest: nickname and skeleton. A wish that is taken is passed over: a known person keeps their name, a new one
    is a guest. held: milliseconds that a name stays its owner's after they left.
    """
    found = db.execute(select(people.c.id, people.c.nickname).where(people.c.token == token)).first()
    if found is None:
        db.execute(insert(people).values(id=new_id, token=token, created_at=now()))
    person, nickname = (found.id, found.nickname) if found else (new_id, None)
    for name, skeleton in [name for name in (wish, None if nickname else guest) if name]:
        if name != nickname and _free(db, person, skeleton, held):
            nickname = name
            db.execute(update(people).where(people.c.id == person).values(nickname=name, skeleton=skeleton))
            break
    stay(db, person)
    return {"id": person, "nickname": nickname}


def claim(
    db: Connection, *, person: str, nickname: str, skeleton: str, held: int, spare: Sequence[tuple[str, str]]
) -> None:
    """Give `person` the nickname. Raises `nickname_taken`, with the first of `spare` that is free as `suggestion`."""
    if not _free(db, person, skeleton, held):
        free = next((name for name, shape in spare if _free(db, person, shape, held)), None)
        extra = {"suggestion": free} if free else {}
        raise Refused("nickname_taken", f"Somebody here is called “{nickname}”, or nearly so.", **extra)
    db.execute(update(people).where(people.c.id == person).values(nickname=nickname, skeleton=skeleton))


def _free(db: Connection, person: str, skeleton: str, held: int) -> bool:
    """Is the name free for this person? One whose owner has been away too long is taken from them."""
    holder = db.execute(select(people.c.id, people.c.left_at).where(people.c.skeleton == skeleton)).first()
    if holder is None or holder.id == person:
        return True
    if holder.left_at is None or holder.left_at > now() - held:
        return False
    db.execute(update(people).where(people.c.id == holder.id).values(nickname=None, skeleton=None))
    return True


def depart(db: Connection, person: str) -> None:
    db.execute(update(people).where(people.c.id == person).values(left_at=now()))


def stay(db: Connection, person: str) -> None:
    db.execute(update(people).where(people.c.id == person).values(left_at=None))


def nobody_is_here(db: Connection) -> None:
    """At start no socket is open: whoever a crash left behind as present has left."""
    db.execute(update(people).where(people.c.left_at.is_(None)).values(left_at=now()))


def _plain(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    """A row as a dict of plain strings: the column names of a row are a subclass that JSON writers refuse."""
    return {str(name): value for name, value in row._mapping.items()}
