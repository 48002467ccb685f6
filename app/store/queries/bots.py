"""Bots: programs that the owners of a room let in. Each is a person with the role `bot` there, whose name nobody else
can bear while it has it, and with tokens that name nobody once it is taken back."""

from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from app.model import Refused, Sentence
from app.store.changes import Changes, changes
from app.store.queries import people as people_queries
from app.store.queries.audit import Actor, note
from app.store.queries.people import Name
from app.store.queries.rooms import change_rules
from app.store.queries.rows import now, plain
from app.store.tables import hooks, people, roles, skeletons, tokens

Row = dict[str, Any]

_is_bot = roles.c.role == "bot"


@changes(Changes.ROOM)
def add_bot(
    db: Connection,
    *,
    room: str,
    by: Actor,
    rules_rev: int | None,
    person: str,
    name: Name,
    spare: list[Name],
    held: int,
    token: str,
    most: int,
) -> None:
    """token: its fingerprint. held: as in `people.claim`. Raises `nickname_taken`; `too_many` where the room has so
    many."""
    change_rules(db, room, rules_rev)
    let_in(db, room, by, person, name, spare, held, most)
    db.execute(insert(tokens).values(fingerprint=token, person=person, created_at=now()))
    note(db, room, by, "bot", whom=(person, name[0]))


def let_in(
    db: Connection, room: str, by: Actor, person: str, name: Name, spare: list[Name], held: int, most: int
) -> None:
    """Make the bot's person, and give it its role. The caller has locked the room's row."""
    count = db.scalar(select(func.count()).select_from(roles).where(roles.c.room == room, _is_bot)) or 0
    if count >= most:
        raise Refused("too_many", Sentence("A room has {most} bots and hooks at most. Remove one first.", most=most))
    at = now()
    db.execute(insert(people).values(id=person, created_at=at, left_at=at))
    people_queries.claim(db, person=person, name=name, held=held, spare=spare)
    db.execute(insert(roles).values(room=room, person=person, role="bot", since=at, by=by.id))


@changes(Changes.ROOM)
def remove_bot(db: Connection, *, room: str, by: Actor, rules_rev: int | None, person: str) -> list[str]:
    """Take it back; the fingerprints of its tokens. Raises `no_such_person`."""
    change_rules(db, room, rules_rev)
    if db.scalar(select(hooks.c.id).where(hooks.c.person == person)):
        raise Refused("no_such_person", "This is a hook: remove it as one.")
    nickname, tokens_of_it = send_away(db, room, person)
    note(db, room, by, "unbot", whom=(person, nickname))
    return tokens_of_it


def send_away(db: Connection, room: str, person: str) -> tuple[str, list[str]]:
    """The bot has no role, no token and no name any more: its nickname, and the fingerprints of its tokens. What it has
    said stays."""
    if not db.execute(delete(roles).where(roles.c.room == room, roles.c.person == person, _is_bot)).rowcount:
        raise Refused("no_such_person", "There is no such bot in this room.")
    nickname = db.scalar(select(people.c.nickname).where(people.c.id == person)) or "a bot"
    held = list(db.execute(select(tokens.c.fingerprint).where(tokens.c.person == person)).scalars())
    db.execute(delete(tokens).where(tokens.c.person == person))
    db.execute(delete(skeletons).where(skeletons.c.person == person))
    db.execute(update(people).where(people.c.id == person).values(nickname=None, rev=people.c.rev + 1, left_at=now()))
    return nickname, held


def bots_of(db: Connection, room: str) -> list[Row]:
    """`[{id, nickname, since, by}]`, the eldest first; by: the nickname of whoever made it."""
    maker = people.alias()
    wanted = (
        select(people.c.id, people.c.nickname, roles.c.since, maker.c.nickname.label("by"))
        .join_from(roles, people, roles.c.person == people.c.id)
        .outerjoin(maker, roles.c.by == maker.c.id)
        .where(roles.c.room == room, _is_bot, ~exists().where(hooks.c.person == people.c.id))
        .order_by(roles.c.since, people.c.id)
    )
    return [plain(row) for row in db.execute(wanted)]
