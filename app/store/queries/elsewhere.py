"""What processes that do not hear each other have to look for: what was read, and said to one alone, at another one."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, and_, exists, func, select
from sqlalchemy.sql import Select

from app.store.tables import connected, directs, ignores, messages, people, read_marks, rooms

_here, _there = connected.alias("here"), connected.alias("there")


def read_elsewhere(db: Connection, process: str) -> list[tuple[str, str, int]]:
    """Person, room and seq: how far those have read who are connected to this process and to another one."""
    both = _here.join(_there, and_(_there.c.person == _here.c.person, _there.c.process != process))
    wanted = (
        select(read_marks.c.person, read_marks.c.room, read_marks.c.seq)
        .distinct()
        .select_from(both.join(read_marks, read_marks.c.person == _here.c.person))
        .where(_here.c.process == process)
    )
    return [(person, room, seq) for person, room, seq in db.execute(wanted)]


def said_elsewhere(db: Connection, process: str) -> list[tuple[str, str, str, int]]:
    """Person, the other one, how that one is called, and seq: the last messages that those who are connected to this
    process have not read, in rooms of two, of others who are connected to another one. Not of whom they ignore."""
    found = [row for wanted in _sides(process) for row in db.execute(wanted)]
    return [(person, other, nickname or "somebody", seq) for person, other, nickname, seq in found]


def _sides(process: str) -> Iterator[Select[Any]]:
    """By either column of `directs`, each of which has an index."""
    for mine, theirs in ((directs.c.one, directs.c.other), (directs.c.other, directs.c.one)):
        is_ignored = exists().where(ignores.c.person == mine, ignores.c.ignored == theirs)
        mark = and_(read_marks.c.person == mine, read_marks.c.room == directs.c.room)
        last = and_(messages.c.room == directs.c.room, messages.c.seq == rooms.c.seq)
        yield (
            select(mine, theirs, people.c.nickname, rooms.c.seq)
            .distinct()
            .select_from(
                _here.join(directs, mine == _here.c.person)
                .join(_there, and_(_there.c.person == theirs, _there.c.process != process))
                .join(rooms, rooms.c.name == directs.c.room)
                .join(messages, last)
                .join(people, people.c.id == theirs)
                .outerjoin(read_marks, mark)
            )
            .where(
                _here.c.process == process,
                messages.c.author == theirs,
                rooms.c.seq > func.coalesce(read_marks.c.seq, 0),
                ~is_ignored,
            )
        )
