"""`seq` and `rev` of new messages are claimed in one statement: several processes may do so on one database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select

from app.model import Refused
from app.store import queries
from app.store.queries.messages import insert_message, insert_messages
from app.store.tables import metadata, rooms


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{tmp_path / 'claims.db'}")
    metadata.create_all(engine)
    with engine.connect() as connection:
        for room in ("lobby", "attic"):
            queries.open_room(connection, room=room)
        connection.commit()
        yield connection
    engine.dispose()


def message(n: int, room: str = "lobby", text: str = "hello") -> dict[str, Any]:
    words = {"author": "alice", "nickname": "alice", "kind": "said", "text": text, "reply_to": None}
    return {"room": room, "id": f"message-{n}", **words}


def place(db: Connection, room: str = "lobby") -> tuple[int, int]:
    seq, rev = db.execute(select(rooms.c.seq, rooms.c.rev).where(rooms.c.name == room)).one()
    return seq, rev


def statements(db: Connection, act: Any) -> list[str]:
    """What the database is asked, about rooms."""
    asked: list[str] = []
    driver = db.connection.dbapi_connection
    driver.set_trace_callback(asked.append)  # type: ignore[union-attr]
    act()
    driver.set_trace_callback(None)  # type: ignore[union-attr]
    return [one for one in asked if "rooms" in one]


def test_a_place_is_claimed_and_never_read_first(db: Connection) -> None:
    insert_message(db, **message(0))  # the first one notes when the room was active
    for act in (
        lambda: insert_message(db, **message(1)),
        lambda: insert_messages(db, [message(2), message(3)]),
    ):
        (claim,) = statements(db, act)
        assert claim.startswith("UPDATE rooms SET")
        assert "RETURNING" in claim
    assert place(db) == (4, 4)


def test_rooms_of_a_batch_are_claimed_in_the_order_of_their_names(db: Connection) -> None:
    """However they were asked: two processes that claim the same rooms do not wait for each other for ever."""
    batch = [message(1, "lobby"), message(2, "attic"), message(3, "lobby")]
    claims = [one for one in statements(db, lambda: insert_messages(db, batch)) if "RETURNING" in one]
    assert ["attic" in one for one in claims] == [True, False]
    assert (place(db, "attic"), place(db, "lobby")) == ((1, 1), (2, 2))


def test_each_of_a_batch_has_its_own_place_in_the_order_of_asking(db: Connection) -> None:
    insert_message(db, **message(0))
    stored = insert_messages(db, [message(1), message(2, "attic"), message(3), message(4)])
    assert [(one["room"], one["seq"], one["rev"]) for one, _ in stored] == [
        ("lobby", 2, 2),
        ("attic", 1, 1),
        ("lobby", 3, 3),
        ("lobby", 4, 4),
    ]


def test_a_message_that_was_said_before_gives_its_place_back(db: Connection) -> None:
    first, _ = insert_message(db, **message(1))
    again, is_new = insert_message(db, **message(1))
    assert (again["seq"], is_new, place(db)) == (first["seq"], False, (1, 1))
    with pytest.raises(Refused, match="already used"):
        insert_message(db, **message(1, text="another"))
    assert place(db) == (1, 1)
    insert_message(db, **message(2))
    assert place(db) == (2, 2)


def test_nothing_is_said_in_a_room_that_is_not_there(db: Connection) -> None:
    with pytest.raises(Refused, match="no room #cellar"):
        insert_message(db, **message(1, "cellar"))
    with pytest.raises(Refused, match="no room #cellar"):
        insert_messages(db, [message(1), message(2, "cellar")])
