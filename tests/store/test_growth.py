"""What is asked of a room costs the same, however much was said there.

Instructions of SQLite's own machine are counted, not time: their number is the same on every machine. SQLite knows
nothing of how many rows there are to a room: of two indexes that begin with it, it may take the one that leads through
all of them.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.engine import make_url

from app.store import queries, tables
from app.store.connections import open_engine
from app.store.queries import search
from app.store.queries.search_index import ID_BITS
from app.store.queries.terms import question
from tests.support.template import begin_with_tables

FEW, MANY = 400, 8_000  # messages
MORE = 1.5  # how much more the large room may cost: trees grow by a level
ROOM, DAY_MS = "hall", 86_400_000
NOW = 1_790_000_000_000
ANN, BOB, CID = "ann", "bob", "cid"
TRIES = 20

Ask = Callable[[Connection], Any]


@contextmanager
def history(folder: Path, count: int) -> Iterator[Connection]:
    """Ann has said so much, a minute apart; Bob has reacted to all, was called in each fortieth of what came last, and
    has had five deleted."""
    begin_with_tables(folder)
    engine = open_engine(make_url(f"sqlite:///{folder / 'parlor.db'}"), "BEGIN IMMEDIATE")
    with engine.connect() as db:
        people = ({"id": one, "nickname": one, "created_at": NOW, "rev": 0} for one in (ANN, BOB, CID))
        db.execute(insert(tables.people), [*people])
        room = {"name": ROOM, "topic": "", "seq": count, "rev": count, "created_at": NOW, "active_at": NOW}
        db.execute(insert(tables.rooms), room)
        seqs = range(1, count + 1)
        called = [seq for seq in seqs[-FEW:] if seq % 40 == 0]
        db.execute(insert(tables.messages), [said(seq, count) for seq in seqs])
        reacted = {"room": ROOM, "emoji": "👍", "person": BOB, "nickname": BOB}
        db.execute(insert(tables.reactions), [reacted | {"seq": seq, "at": at(seq, count)} for seq in seqs])
        for who in (BOB, queries.EVERYONE):
            of_who = {"room": ROOM, "person": who}
            db.execute(insert(tables.mentions), [of_who | {"seq": seq, "at": at(seq, count)} for seq in called])
        gone = [{"room": ROOM, "seq": seq, "text": "", "at": NOW} for seq in seqs[-5:]]
        db.execute(insert(tables.removed), gone)
        queries.begin_epoch(db, "first")
        queries.begin_index(db)
        while queries.index_some(db, [ROOM], 1_000)[1]:
            pass
        yield db
    engine.dispose()


def said(seq: int, count: int) -> dict[str, Any]:
    words = f"salt pepper {'needle' if count - seq in (10, 20) else 'sugar'}"
    key = {"room": ROOM, "seq": seq, "rev": seq, "id": f"message-{seq}", "author": ANN, "nickname": ANN}
    return key | {"kind": "said", "text": words, "at": at(seq, count)}


def at(seq: int, count: int) -> int:
    return NOW - (count - seq) * 60_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with history(tmp_path_factory.mktemp("small"), FEW) as db:
        yield db


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    with history(tmp_path_factory.mktemp("large"), MANY) as db:
        yield db


ASKED: dict[str, Ask] = {
    "may a stranger come back?": lambda db: queries.is_admitted(db, ROOM, CID),
    "may who spoke come back?": lambda db: queries.is_admitted(db, ROOM, ANN),
    "mentions": lambda db: mentions(db, [], None),
    "mentions, also of everybody": lambda db: mentions(db, [ROOM], None),
    "older mentions": lambda db: mentions(db, [ROOM], NOW - 200 * 60_000),
    "rooms with mentions": lambda db: queries.rooms_that_mention(db, BOB, [ROOM]),
    "last page": lambda db: queries.said_before(db, room=ROOM, before=None, limit=50),
    "earlier page": lambda db: queries.said_before(db, room=ROOM, before=200, limit=50),
    "changes": lambda db: queries.changed_since(db, room=ROOM, after=100, limit=50),
    "a day": lambda db: queries.said_on(db, room=ROOM, day=NOW // DAY_MS * DAY_MS, start=None, limit=50),
    "unread": lambda db: queries.unread(db, BOB, [(ROOM, 10)]),
    "own reactions": lambda db: queries.reacted(db, room=ROOM, person=BOB, seqs=range(1, 50)),
    "nothing to forget": lambda db: queries.forget_removed(db, before=0),
    "what was deleted is forgotten": lambda db: queries.forget_removed(db, before=NOW + 1),
    "nothing is too old": lambda db: expired(db, 0, 1),
    "all is too old": lambda db: expired(db, 0, NOW + 1),
    "too many": lambda db: expired(db, 51, 0),
}


def mentions(db: Connection, also: list[str], before: int | None) -> Any:
    return queries.mentioning(db, person=BOB, rooms=[ROOM], also=also, before=before, limit=5)


def expired(db: Connection, before_seq: int, before_at: int) -> int:
    return queries.delete_oldest(db, room=ROOM, before_seq=before_seq, before_at=before_at, limit=50)


@pytest.mark.parametrize("what", ASKED)
def test_it_costs_the_same_in_a_long_history(small: Connection, large: Connection, what: str) -> None:
    few, many = (steps(db, ASKED[what]) for db in (small, large))
    assert 0 < many <= MORE * few, (few, many)


def steps(db: Connection, ask: Ask) -> int:
    """Instructions that SQLite takes for an answer. What it changes is taken back."""
    count = 0

    def counted() -> None:
        nonlocal count
        count += 1

    driver: Any = db.connection.dbapi_connection
    with db.begin_nested():
        ask(db)  # whatever is compiled is compiled now
        db.get_nested_transaction().rollback()  # type: ignore[union-attr]
    driver.set_progress_handler(counted, 1)
    with db.begin_nested():
        ask(db)
        driver.set_progress_handler(None, 0)
        db.get_nested_transaction().rollback()  # type: ignore[union-attr]
    return count


class Clock:
    """Counts how often somebody looks at it."""

    def __init__(self) -> None:
        self.looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return time.monotonic()


@pytest.mark.parametrize(
    "asked", ["needle", "salt", "sal", '"salt pepper"', f"from:{ANN} sugar", "nothing", "on:2026-09-21 salt"]
)
@pytest.mark.parametrize("room", [ROOM, None], ids=["one room", "all rooms"])
def test_a_search_costs_the_same_in_a_long_history(
    small: Connection, large: Connection, monkeypatch: pytest.MonkeyPatch, asked: str, room: str | None
) -> None:
    """It looks at the clock after each instruction of SQLite."""
    monkeypatch.setattr(search, "CHECK_EVERY", 1)
    looks = []
    for db in (small, large):
        monkeypatch.setattr(search, "time", clock := Clock())
        queries.find(db, ANN, [ROOM], [], question(asked), 20, room)
        looks.append(clock.looks)
    assert 0 < looks[1] <= MORE * looks[0], looks


def test_the_beginning_of_a_word_is_found_as_soon_as_a_word(large: Connection) -> None:
    """FTS5 would put together all words that begin so, of all rooms; no instruction of SQLite's tells of that."""
    with large.begin_nested():
        elsewhere = [{"place": (99 << ID_BITS) + seq} for seq in range(100_000)]
        large.execute(text("INSERT INTO searched (rowid, terms) VALUES (:place, 'salt')"), elsewhere)
        found = {asked: fastest(large, asked) for asked in ('"salt"', "s", "sa", "sal")}
        large.get_nested_transaction().rollback()  # type: ignore[union-attr]
    assert max(found.values()) < 2 * found['"salt"'], found


def fastest(db: Connection, asked: str) -> float:
    """Processor time in seconds, of what is asked of the index for the first page of the first room."""
    values = {"asked": question(asked).fts5(), "first": 1 << ID_BITS, "last": 2 << ID_BITS}
    page = text(
        "SELECT rowid FROM searched WHERE searched MATCH :asked AND rowid BETWEEN :first AND :last"
        " ORDER BY rowid DESC LIMIT 20"
    )
    times = []
    for _ in range(TRIES):
        began = time.thread_time()
        assert len(db.execute(page, values).all()) == 20
        times.append(time.thread_time() - began)
    return min(times)
