"""Newcomers who are stored in one commit: by a few statements for all, and exactly as if they had come one by one."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from app.store import queries
from app.store.database import Database
from app.store.tables import connected, people, skeletons, tokens

HOUR_MS = 3_600_000
STATEMENTS = 4  # for each: an insert into each of four tables


@pytest.fixture
async def databases(tmp_path: Path) -> AsyncIterator[list[Database]]:
    opened = [Database(f"sqlite:///{tmp_path / name}.db") for name in ("together", "in turn")]
    for one in opened:
        await one.start()
    yield opened
    for one in opened:
        await one.close()


def newcomer(n: int, name: str = "", **more: Any) -> dict[str, Any]:
    name = name or f"name {n}"
    spare = [(f"guest {n}", [f"guest {n}"])]
    return {
        "token": f"token {n}",
        "new_id": f"{n:04}",
        "wish": (name, [name.lower()]),
        "keeps_name": True,
        "guests": lambda: spare,
        "held": HOUR_MS,
        "process": "here",
    } | more


async def stored(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that there is about people, but for the times."""
    wanted = {
        "people": select(people.c.id, people.c.nickname, people.c.held, people.c.rev, people.c.address),
        "tokens": select(tokens.c.fingerprint, tokens.c.person),
        "skeletons": select(skeletons.c.skeleton, skeletons.c.nth, skeletons.c.person),
        "connected": select(connected.c.person, connected.c.process),
    }

    def rows(db: Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {name: sorted(map(tuple, db.execute(each)), key=repr) for name, each in wanted.items()}

    return await database.read(rows)


async def test_they_are_stored_by_a_few_statements_for_all(databases: list[Database]) -> None:
    asked: list[str] = []

    def counted(db: Connection) -> list[Any]:
        driver = db.connection.dbapi_connection
        driver.set_trace_callback(asked.append)  # type: ignore[union-attr]
        found = queries.arrive_together(db, [newcomer(n, address="a network", brief=5) for n in range(20)])
        driver.set_trace_callback(None)  # type: ignore[union-attr]
        return found

    found = await databases[0].write(counted)
    assert [one["nickname"] for one in found] == [f"name {n}" for n in range(20)]
    assert len(asked) == 20 * STATEMENTS, asked[:10]
    assert (await stored(databases[0]))["people"][0] == ("0000", "name 0", 5, 0, "a network")


@pytest.mark.parametrize("seed", range(6))
async def test_they_are_as_if_they_had_come_one_by_one(databases: list[Database], seed: int) -> None:
    """Among them some who are known, who wish for a name that is borne, or for the same one as another."""
    r = random.Random(seed)
    waves = [
        [
            newcomer(
                r.randrange(30),
                r.choice(["", "", "", "Ann", "bob", "ANN"]),
                address=r.choice(["", "a network"]),
                brief=r.choice([None, 0, 9]),
                new_id=None if r.random() < 0.05 else f"{r.randrange(10**9):09}",
            )
            for _ in range(r.choice([2, 5, 12]))
        ]
        for _ in range(8)
    ]
    for wave in waves:  # whoever is known already comes with the token, and keeps the id
        together = await asyncio.gather(*(databases[0].write(queries.arrive, **one) for one in wave))
        in_turn = [await databases[1].write(queries.arrive, **one) for one in wave]
        for a, b in zip(together, in_turn, strict=True):
            assert (a is None) == (b is None)
            if a and b:
                assert {**a, "created_at": 0} == {**b, "created_at": 0}
        assert await stored(databases[0]) == await stored(databases[1])


async def test_a_name_whose_first_bearer_has_gone_is_still_the_second_ones(databases: list[Database]) -> None:
    """Two names came to look the same by another rule, and both were kept; then the first of them was forgotten."""

    def second(db: Connection) -> None:
        db.execute(insert(people).values(id="old", nickname="Ann", created_at=1))
        db.execute(insert(skeletons).values(skeleton="ann", nth=1, person="old"))

    await databases[0].write(second)
    wishes = [newcomer(1, "ann"), newcomer(2)]
    found = await asyncio.gather(*(databases[0].write(queries.arrive, **one) for one in wishes))
    assert [one and one["nickname"] for one in found] == ["guest 1", "name 2"]
