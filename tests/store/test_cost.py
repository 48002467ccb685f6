"""What storing costs, counted: instructions of Python, and statements of SQL. Bounds are half as much again as was
counted when they were written, for releases of Python differ."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from app.store import queries
from app.store.batch import Write
from app.store.database import Database
from tests.support.instructions import instructions

ROOMS, PEOPLE = 20, 10


class Storing:
    """A database with rooms and people, asked on this thread, where instructions are counted."""

    def __init__(self, database: Database) -> None:
        self._storage: Any = database._storage
        self._said = 0
        self.statements: list[str] = []
        driver = self._storage._connections.writer.connection.dbapi_connection
        driver.set_trace_callback(self.statements.append)

    def message(self) -> Write:
        """By another person in another room each time."""
        self._said += 1
        room, author = f"room-{self._said % ROOMS}", f"person-{self._said % PEOPLE}"
        words = {"nickname": author, "kind": "said", "text": "Shall we meet at nine?", "reply_to": None, "calls": ()}
        return self.write(queries.insert_message, room=room, author=author, id=f"message-{self._said}", **words)

    def write(self, ask: Callable[..., Any], *args: Any, **asked: Any) -> Write:
        return Write(ask, args, asked, asyncio.get_running_loop().create_future())

    def commit(self, *batch: Write) -> list[Any]:
        outcomes: list[Any] = self._storage.commit(list(batch), 1.0)
        assert not any(isinstance(one, Exception) for one in outcomes), outcomes
        return outcomes

    def cost(self, *batch: Write) -> int:
        return instructions(lambda: self.commit(*batch))


@pytest.fixture
async def storing(tmp_path: Path) -> AsyncIterator[Storing]:
    database = Database(f"sqlite:///{tmp_path / 'parlor.db'}")
    await database.start()
    for n in range(ROOMS):
        await database.write(queries.open_room, room=f"room-{n}")
    for n in range(PEOPLE):
        who = {"token": f"token-{n}", "new_id": f"person-{n}", "wish": None, "held": 0}
        await database.write(queries.arrive, **who, guests=lambda n=n: [(f"guest-{n}", [f"guest-{n}"])])
    storing = Storing(database)
    storing.commit(*(storing.message() for _ in range(2 * ROOMS)))  # whatever is compiled is compiled by then
    yield storing
    await database.close()


async def test_a_message_alone_takes_two_statements_in_a_transaction(storing: Storing) -> None:
    storing.statements.clear()
    storing.commit(storing.message())
    kinds = [one.split()[0] for one in storing.statements]
    assert [kind for kind in kinds if kind != "SELECT"] == ["BEGIN", "UPDATE", "INSERT", "COMMIT"]
    assert kinds.count("SELECT") == 0


async def test_a_message_takes_few_instructions_alone_or_with_others(storing: Storing) -> None:
    alone = storing.cost(storing.message())
    many = storing.cost(*(storing.message() for _ in range(ROOMS)))
    assert alone < 300 and many / ROOMS < 300, (alone, many / ROOMS)


async def test_a_message_is_taken_into_the_index_of_words_for_little(storing: Storing) -> None:
    """With a single one of each room most of its price is that of the room's row; by Core it was five times as much."""
    storing.commit(storing.write(queries.index_some, [f"room-{n}" for n in range(ROOMS)], 100))
    storing.commit(*(storing.message() for _ in range(ROOMS)))
    taking = storing.write(queries.index_some, [f"room-{n}" for n in range(ROOMS)], 100)
    cost = storing.cost(taking) / ROOMS
    assert cost < 750, cost
