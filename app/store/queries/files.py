"""Files that people have uploaded: before they are sent, with the message that carries them, and when they go."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import delete as remove

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.queries.rows import now, plain
from app.store.tables import files

File = dict[str, Any]


@changes(Changes.PEOPLE)
def begin_file(db: Connection, row: File) -> None:
    """Its bytes are about to be stored."""
    db.execute(insert(files).values(**row, created_at=now()))


@changes(Changes.PEOPLE)
def finish_file(db: Connection, id: str) -> bool:
    """Its bytes are stored. False where it took so long that nobody waits for it any more."""
    done = update(files).where(files.c.id == id, files.c.gone_at.is_(None)).values(stored_at=now())
    return db.execute(done).rowcount == 1


def file(db: Connection, id: str) -> File | None:
    """One that is stored and not gone."""
    found = db.execute(select(files).where(files.c.id == id, *_STORED)).first()
    return plain(found) if found else None


_STORED = (files.c.stored_at.is_not(None), files.c.gone_at.is_(None))


def described(found: File) -> dict[str, Any]:
    """As the wire has it: `{id, name, type, bytes, width?, height?, thumbnail?, animated?}`."""
    told = {name: found[name] for name in ("id", "name", "type", "bytes")}
    if found["width"]:
        told |= {"width": found["width"], "height": found["height"]}
    return told | {name: True for name in ("thumbnail", "animated") if found[name]}


def of_sender(db: Connection, id: str, person: str) -> str:
    """What a message tells of a file that it is to carry, as JSON. Raises `no_such_file` unless the person has uploaded
    it, and not sent it yet."""
    found = db.execute(select(files).where(*_to_be_sent(id, person))).first()
    if found is None:
        raise _missing()
    return orjson.dumps(described(plain(found))).decode()


def carry(db: Connection, id: str, person: str, room: str, seq: int) -> None:
    """From now on a message carries it. Raises `no_such_file`, where another message was faster."""
    if not db.execute(update(files).where(*_to_be_sent(id, person)).values(room=room, seq=seq)).rowcount:
        raise _missing()


def _to_be_sent(id: str, person: str) -> tuple[Any, ...]:
    return files.c.id == id, files.c.person == person, files.c.seq.is_(None), *_STORED


def _missing() -> Refused:
    return Refused("no_such_file", "This file is not here any more, or was sent before; it has to be uploaded again.")


def let_go(db: Connection, room: str, first: int, last: int) -> None:
    """These messages are deleted: nobody gets their files any more."""
    here = (files.c.room == room, files.c.seq >= first, files.c.seq <= last, files.c.gone_at.is_(None))
    db.execute(update(files).where(*here).values(gone_at=now()))


def bring_back(db: Connection, room: str, seq: int) -> bool:
    """The message is restored. False where its file has gone for good."""
    here = (files.c.room == room, files.c.seq == seq)
    return db.execute(update(files).where(*here).values(gone_at=None)).rowcount > 0


@changes(Changes.PEOPLE)
def let_go_unsent(db: Connection, *, before: int) -> int:
    """Those that were uploaded before that, and never sent. How many."""
    unsent = (files.c.seq.is_(None), files.c.created_at < before, files.c.gone_at.is_(None))
    return db.execute(update(files).where(*unsent).values(gone_at=now())).rowcount


def gone(db: Connection, before: int, limit: int) -> list[str]:
    """The ids of files that went before that: their bytes can be removed."""
    return list(db.scalars(select(files.c.id).where(files.c.gone_at < before).order_by(files.c.gone_at).limit(limit)))


@changes(Changes.PEOPLE)
def forget_files(db: Connection, *, ids: Sequence[str]) -> int:
    """Their bytes are removed."""
    return db.execute(remove(files).where(files.c.id.in_(ids), files.c.gone_at.is_not(None))).rowcount


def kept_files(db: Connection, room: str, after: int, limit: int) -> list[File]:
    """Those that messages of the room carry, in the order of their seqs, behind seq `after`."""
    here = (files.c.room == room, files.c.seq > after, *_STORED)
    return [plain(one) for one in db.execute(select(files).where(*here).order_by(files.c.seq).limit(limit))]


def stored_files(db: Connection, after: str, limit: int) -> list[tuple[str, int, int | None]]:
    """Of all that are stored and not gone: id, bytes, and those of the thumbnail; the next behind this id."""
    wanted = select(files.c.id, files.c.bytes, files.c.thumbnail).where(files.c.id > after, *_STORED)
    return [(id, size, small) for id, size, small in db.execute(wanted.order_by(files.c.id).limit(limit))]


def file_sizes(db: Connection) -> tuple[int, int]:
    """How many files are kept, and how many bytes they take, thumbnails with them."""
    taken = func.coalesce(func.sum(files.c.bytes + func.coalesce(files.c.thumbnail, 0)), 0)
    count, size = db.execute(select(func.count(), taken).where(*_STORED)).one()
    return int(count), int(size)
