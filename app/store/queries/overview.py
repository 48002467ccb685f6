"""What an operator asks of the whole: how many, how much, which version."""

from typing import Any

from sqlalchemy import Connection, case, func, select, text

from app.store.queries.rows import plain
from app.store.tables import directs, files, people, rooms


def overview(db: Connection, limit: int) -> dict[str, Any]:
    """`{rooms, listed, directs, people, said, bytes, files, file_bytes, database, schema, latest}`. directs: rooms of
    two, which nobody else need know of. said: messages ever. bytes: of the database. latest: the other rooms that were
    used last, `{name, listed, locked, passphrase, seq, active_at}`."""
    totals = db.execute(select(func.count(), func.sum(case((rooms.c.listed, 1), else_=0)), func.sum(rooms.c.seq))).one()
    stored = db.execute(select(func.count(), func.sum(files.c.bytes))).one()
    two = db.scalar(select(func.count()).select_from(directs)) or 0
    size, version = _size_and_version(db)
    return {
        "rooms": totals[0] - two,
        "directs": two,
        "listed": int(totals[1] or 0),
        "said": int(totals[2] or 0),
        "people": db.scalar(select(func.count()).select_from(people)),
        "files": stored[0],
        "file_bytes": int(stored[1] or 0),
        "bytes": size,
        "database": version,
        "schema": db.scalar(text("SELECT version_num FROM alembic_version")),
        "latest": _latest(db, limit),
    }


def _latest(db: Connection, limit: int) -> list[dict[str, Any]]:
    columns = (rooms.c.name, rooms.c.listed, rooms.c.locked, rooms.c.seq, rooms.c.active_at)
    closed = case((rooms.c.passphrase.is_not(None), True), else_=False).label("passphrase")
    others = rooms.c.name.not_in(select(directs.c.room))
    wanted = select(*columns, closed).where(others).order_by(rooms.c.active_at.desc(), rooms.c.name).limit(limit)
    return [plain(row) for row in db.execute(wanted)]


def _size_and_version(db: Connection) -> tuple[int, str]:
    if db.dialect.name == "sqlite":
        pages, size = (db.scalar(text(f"PRAGMA {name}")) or 0 for name in ("page_count", "page_size"))
        return pages * size, f"SQLite {db.scalar(text('SELECT sqlite_version()'))}"
    bytes_taken = db.scalar(text("SELECT pg_database_size(current_database())"))
    return int(bytes_taken or 0), f"PostgreSQL {db.scalar(text('SHOW server_version'))}"
