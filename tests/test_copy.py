"""`python -m app copy`: a whole history in another database, the same history there."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import copy as copying
from app.config import BadSetting
from app.copy import copy
from app.model import Refused
from app.store import queries
from app.store.database import Database
from app.store.queries import transfer
from tests.conftest import Start
from tests.support.postgres import PASSWORD, QUOTED, Cluster
from tests.support.process import PROJECT
from tests.support.talker import Talker


@pytest.fixture
def urls(postgres: Cluster, tmp_path: Path) -> Iterator[dict[str, str]]:
    """One of each kind that holds a history, and an empty one."""
    yield {
        "sqlite": f"sqlite:///{tmp_path / 'full.db'}",
        "postgres": postgres.database(),
        "empty sqlite": f"sqlite:///{tmp_path / 'empty.db'}",
        "empty postgres": postgres.database(),
    }


async def fill(url: str, messages: int = 30) -> str:
    """The epoch."""
    database = Database(url)
    await database.start()
    for name in ("ann", "Zoë", "😀"):
        guests = [(name, [name.lower()])]
        await database.write(queries.arrive, token=name, new_id=name, wish=guests[0], guests=list, held=0)
    for room in ("b-room", "B".lower(), "a_room", "10", "9"):
        await database.write(queries.open_room, room=room)
        for n in range(messages):
            words = {"author": "ann", "nickname": "ann", "kind": "said", "text": f"{n} 👍 ü", "reply_to": n or None}
            await database.write(queries.insert_message, room=room, id=f"message-{room}-{n}", **words)
        await database.write(queries.edit, room=room, seq=3, author="ann", text="edited")
        await database.write(queries.delete, room=room, seq=4, by=queries.Actor("ann", "ann"), is_moderator=False)
        how = {"nickname": "Zoë", "on": True, "max_emojis": 9, "max_names": 3}
        for person in ("Zoë", "😀"):
            await database.write(queries.react, room=room, seq=5, person=person, emoji="🎉", **how)
    await database.write(queries.keep, room="9", days=0.3, messages=7)
    await database.write(queries.depart, "ann")
    epoch = await database.read(queries.epoch)
    await database.close()
    return epoch


async def held(url: str) -> dict[str, Any]:
    database = Database(url)
    database.open_existing()
    found: dict[str, Any] = {"epoch": await database.read(queries.epoch)}
    for table in transfer.transferred():
        rows = await database.read(transfer.rows_after, table, None, 0, 10_000)
        found[table] = sorted(rows, key=lambda row, table=table: transfer.key_of(table, row))
    await database.close()
    return found


async def run(source: str, target: str) -> list[tuple[str, int, int]]:
    return [step async for step in copy(source, target)]


@pytest.mark.parametrize(
    ("source", "target"),
    [("sqlite", "empty postgres"), ("postgres", "empty sqlite"), ("postgres", "empty postgres")],
    ids=["to-postgres", "to-sqlite", "between-two"],
)
async def test_a_copy_is_the_same_history(urls: dict[str, str], source: str, target: str) -> None:
    epoch = await fill(urls[source])
    steps = await run(urls[source], urls[target])
    assert ("messages", 150, 150) in steps and ("messages, compared", 150, 150) in steps
    there = await held(urls[target])
    assert there == await held(urls[source])
    assert there["epoch"] == epoch


@pytest.mark.parametrize("target", ["empty postgres", "empty sqlite"])
async def test_an_interrupted_copy_goes_on_and_nobody_serves_from_it(
    urls: dict[str, str], target: str, start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "sqlite" if target == "empty postgres" else "postgres"
    monkeypatch.setattr(copying, "ROWS_AT_ONCE", 10)
    await fill(urls[source])
    steps = copy(urls[source], urls[target])
    async for what, done, _ in steps:
        if (what, done) == ("messages", 70):
            break
    await steps.aclose()
    with pytest.raises(BadSetting, match="is not finished"):
        await start_server(database_url=urls[target])
    again = await run(urls[source], urls[target])
    assert again[0] == ("messages", 70, 150), "not from the beginning"
    assert await held(urls[target]) == await held(urls[source])
    await (await start_server(database_url=urls[target])).stop()


async def test_people_go_on_in_the_copy_where_they_were(
    start_server: Start, urls: dict[str, str], tmp_path: Path
) -> None:
    server = await start_server()
    async with Talker(server.url, "alice") as alice:
        joined = await alice.join("lobby")
        await alice.say("lobby", "before")
    await server.stop()
    await run(f"sqlite:///{tmp_path / 'data' / 'parlor.db'}", urls["empty postgres"])
    server = await start_server(database_url=urls["empty postgres"])
    async with Talker(server.url, "alice", token=alice.token) as alice:
        assert alice.me["nickname"] == "alice"
        back = await alice.join("lobby", after=1, epoch=joined["room"]["epoch"])
        assert (back.get("reset"), back["messages"]) == (None, [])
        assert (await alice.say("lobby", "after"))["seq"] == 2


async def test_nothing_is_copied_while_a_server_writes(
    start_server: Start, urls: dict[str, str], tmp_path: Path
) -> None:
    await start_server()
    with pytest.raises(Refused, match="A server has the source open"):
        await run(f"sqlite:///{tmp_path / 'data' / 'parlor.db'}", urls["empty postgres"])
    await start_server(database_url=urls["postgres"])
    with pytest.raises(Refused, match="A server has the source open"):
        await run(urls["postgres"], urls["empty sqlite"])


async def test_what_the_target_holds_is_not_touched(urls: dict[str, str]) -> None:
    await fill(urls["sqlite"], 5)
    await fill(urls["postgres"], 6)
    before = await held(urls["postgres"])
    with pytest.raises(Refused, match="holds a history already"):
        await run(urls["sqlite"], urls["postgres"])
    assert await held(urls["postgres"]) == before


async def test_a_source_that_was_written_to_meanwhile_is_noticed(
    urls: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await fill(urls["sqlite"])
    with pytest.raises(Refused, match="The messages of the two are not the same"):
        async for what, done, _ in copy(urls["sqlite"], urls["empty postgres"]):
            if (what, done) == ("messages", 150):
                with sqlite3.connect(tmp_path / "full.db") as db:
                    db.execute("UPDATE messages SET text = 'another' WHERE seq = 2 AND room = '9'")
    with pytest.raises(Refused, match="not the same"):
        await run(urls["sqlite"], urls["empty postgres"])


async def test_an_old_nul_character_is_no_obstacle(urls: dict[str, str], tmp_path: Path) -> None:
    await fill(urls["sqlite"])
    with sqlite3.connect(tmp_path / "full.db") as db:
        db.execute("UPDATE messages SET text = 'a' || char(0) || 'b' WHERE seq = 2 AND room = '9'")
    await run(urls["sqlite"], urls["empty postgres"])
    assert {row["text"] for row in (await held(urls["empty postgres"]))["messages"] if "�" in row["text"]} == {"a�b"}


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", "copy", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=PROJECT,
        env=os.environ,
        check=False,
    )


@pytest.mark.slow
async def test_the_command_tells_how_far_it_is_and_hides_the_password(urls: dict[str, str]) -> None:
    await fill(urls["sqlite"])
    done = await asyncio.to_thread(command, urls["sqlite"], urls["empty postgres"])
    assert done.returncode == 0, done.stderr
    assert "messages: 0 of 150" in done.stderr
    assert "All of it is in postgres://parlor:***@127.0.0.1" in done.stdout
    assert not any(one in done.stdout + done.stderr for one in (PASSWORD, QUOTED))
    again = await asyncio.to_thread(command, urls["sqlite"], urls["empty postgres"])
    assert (again.returncode, "holds a history already" in again.stderr) == (1, True)
    wrong = await asyncio.to_thread(command, "mysql://x", urls["empty postgres"])
    assert "the source names a mysql database" in wrong.stderr and wrong.returncode == 1
    nothing = await asyncio.to_thread(command, "sqlite:////nowhere/x.db", urls["empty sqlite"])
    assert "There is no database at /nowhere/x.db" in nothing.stderr and nothing.returncode == 1
