"""PostgreSQL alone: several processes on one database, a start that cannot be, a server that is away or hangs."""

import asyncio
import contextlib
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from sqlalchemy import Connection, text

from app.config import BadSetting, Settings
from app.export import export_room, set_retention
from app.model import Refused
from app.store import pool, queries
from app.store import postgres as storage
from app.store.database import Database
from app.store.engine import migrate, transaction
from app.store.queries import people as people_queries
from tests.conftest import Start
from tests.support import PATIENCE
from tests.support.postgres import Cluster, cluster
from tests.support.talker import Talker, until


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    with postgres.lend() as url:
        yield url


@contextlib.asynccontextmanager
async def processes(url: str, count: int) -> AsyncIterator[list[Database]]:
    """As many as there may be: each has threads and connections of its own."""
    databases = [Database(url) for _ in range(count)]
    await asyncio.gather(*(one.start() for one in databases))
    try:
        yield databases
    finally:
        await asyncio.gather(*(one.close() for one in databases))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with processes(url, 1) as (database,):
        await database.write(queries.open_room, room="lobby")
        await arrives(database, "alice")
        yield database


async def arrives(database: Database, name: str, **more: Any) -> dict[str, Any]:
    arrival: dict[str, Any] = {"wish": (name, [name]), "guests": lambda: [(f"guest {name}", [f"guest {name}"])]}
    return await database.write(queries.arrive, **({"token": name, "new_id": name, "held": 0} | arrival | more))


def message(n: int, room: str = "lobby", author: str = "alice") -> dict[str, Any]:
    words = {"author": author, "nickname": author, "kind": "said", "text": "x", "reply_to": None}
    return words | {"room": room, "id": f"message-{n}"}


async def says(database: Database, n: int) -> int:
    stored, _ = await database.write(queries.insert_message, **message(n))
    return int(stored["rev"])


async def says_again(database: Database, n: int) -> int:
    """As soon as it can be stored."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(Refused):
                return await says(database, n)
            await asyncio.sleep(0.02)


def ids(db: Connection, statement: str) -> list[str]:
    return list(db.scalars(text(statement)))


# --- several processes ---


async def test_of_a_hundred_claims_of_one_name_through_three_processes_one_wins(url: str) -> None:
    async with processes(url, 3) as databases:
        people = [f"person-{n}" for n in range(100)]
        await asyncio.gather(*(arrives(databases[0], one, wish=None) for one in people))

        async def claims(nth: int, person: str) -> str:
            spare = [(f"spare {person}", [f"spare {person}"])]
            try:
                name = ("Zoe", ["zoe", "ZOE"])
                await databases[nth % 3].write(queries.claim, person=person, name=name, held=0, spare=spare)
            except Refused as refusal:
                return refusal.code
            return "won"

        outcomes = Counter(await asyncio.gather(*(claims(nth, one) for nth, one in enumerate(people))))
        assert outcomes == {"won": 1, "nickname_taken": 99}
        named = await databases[1].read(ids, "SELECT id FROM people WHERE nickname = 'Zoe'")
        looks = await databases[2].read(ids, "SELECT DISTINCT person FROM skeletons WHERE skeleton IN ('zoe', 'ZOE')")
        assert named == looks and len(named) == 1


async def test_whoever_arrives_through_several_processes_at_once_is_one_person(url: str) -> None:
    async with processes(url, 3) as databases:
        found = await asyncio.gather(*(arrives(databases[n % 3], "ann", new_id=f"new-{n}") for n in range(12)))
        assert len({(one["id"], one["nickname"]) for one in found}) == 1
        assert await databases[0].read(lambda db: db.scalar(text("SELECT count(*) FROM people"))) == 1


async def test_a_room_that_several_processes_open_at_once_is_one(url: str) -> None:
    async with processes(url, 3) as databases:
        await asyncio.gather(*(databases[n % 3].write(queries.open_room, room=f"r{n % 5}") for n in range(60)))
        assert await databases[0].read(lambda db: db.scalar(text("SELECT count(*) FROM rooms"))) == 5


async def test_what_three_processes_say_at_once_has_one_order_without_gaps(url: str) -> None:
    """In rooms that each of them names in another order, and changed at the same time: nobody waits for ever."""
    async with processes(url, 3) as databases:
        rooms = ["attic", "cellar", "lobby"]
        await asyncio.gather(*(databases[0].write(queries.open_room, room=room) for room in rooms))
        await asyncio.gather(*(arrives(one, f"p{nth}") for nth, one in enumerate(databases)))

        async def talks(nth: int, n: int) -> None:
            room = (rooms if nth % 2 else rooms[::-1])[n % 3]
            said, _ = await databases[nth].write(queries.insert_message, **message(n, room, f"p{nth}"))
            where = {"room": room, "seq": said["seq"]}
            if n % 3 == 0:
                await databases[nth].write(queries.edit, **where, author=f"p{nth}", text=f"edited {n}")
            if n % 4 == 0:
                how = {"nickname": "x", "emoji": "👍", "on": True, "max_emojis": 9, "max_names": 3}
                await databases[(nth + 1) % 3].write(queries.react, **where, person=f"p{(nth + 1) % 3}", **how)

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(talks(nth, n) for n in range(60) for nth in range(3)))
        for room in rooms:
            stored = await databases[0].read(queries.said_after, room=room, after=0, limit=500)
            about = await databases[0].read(queries.room, room)
            assert [one["seq"] for one in stored] == list(range(1, len(stored) + 1))
            revs = [one["rev"] for one in stored]
            assert len(set(revs)) == len(revs) and max(revs) == about["rev"]


def round_trips(db: Connection, folder: Path, act: Callable[[], Any]) -> int:
    """How often the server is asked and waited for."""
    driver: Any = db.connection.dbapi_connection
    with (folder / "trace").open("w+") as trace:
        driver.pgconn.trace(trace.fileno())
        act()
        driver.pgconn.untrace()
        trace.seek(0)
        return len(re.findall(r"\tF\t\d+\t(?:Sync|Query)\b", trace.read()))


async def test_a_message_costs_one_round_trip_and_the_places_of_a_batch_another(
    database: Database, tmp_path: Path
) -> None:
    await database.write(queries.open_room, room="attic")

    def asks(db: Connection) -> tuple[int, int, int]:
        batches = [[message(n, "attic"), message(n + 1), message(n + 2)] for n in (10, 20)]
        return (
            round_trips(db, tmp_path, lambda: queries.insert_at_once(db, **message(1))),
            *(round_trips(db, tmp_path, lambda batch=batch: queries.insert_messages(db, batch)) for batch in batches),
        )

    one, first, second = await database.write(asks)
    assert (one, first, second) == (1, 2, 2)  # the rows of a batch go in one pipeline


async def test_alone_and_in_a_batch_a_message_is_told_and_stored_alike(database: Database) -> None:
    at_once, _ = await database.write(queries.insert_message, **message(1))
    (batched, _), (other, _) = await asyncio.gather(
        *(database.write(queries.insert_message, **message(n)) for n in (2, 3))
    )
    answer, _ = await database.write(queries.insert_message, **message(4) | {"reply_to": 1})
    assert [one["seq"] for one in (at_once, batched, other, answer)] == [1, 2, 3, 4]
    stored = await database.read(queries.said_after, room="lobby", after=0, limit=9)
    for told, kept in zip((at_once, batched, other, answer), stored, strict=True):
        assert told | {"deleted_by": None} == kept


async def test_what_is_refused_or_said_before_takes_no_place(database: Database) -> None:
    """Though its place is claimed by the statement that finds so."""
    first, is_new = await database.write(queries.insert_message, **message(1))
    assert is_new
    assert await database.write(queries.insert_message, **message(1)) == (first | {"deleted_by": None}, False)
    with pytest.raises(Refused, match="already used"):
        await database.write(queries.insert_message, **message(1) | {"text": "another"})
    for n, rules_rev in ((2, 0), (3, None)):
        await database.write(queries.insert_message, **message(n), rules_rev=rules_rev)
    with pytest.raises(queries.StaleRules):
        await database.write(queries.insert_message, **message(4), rules_rev=7)
    with pytest.raises(Refused, match="no room #cellar"):
        await database.write(queries.insert_message, **message(5, "cellar"))
    outcomes = await asyncio.gather(
        *(database.write(queries.insert_message, **one) for one in (message(6), message(7, "cellar"))),
        *(database.write(queries.insert_message, **message(n), rules_rev=7) for n in (8, 9)),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [tuple, Refused, queries.StaleRules, queries.StaleRules]
    said = await database.read(queries.said_after, room="lobby", after=0, limit=9)
    assert [(one["id"], one["seq"], one["rev"]) for one in said] == [
        ("message-1", 1, 1),
        ("message-2", 2, 2),
        ("message-3", 3, 3),
        ("message-6", 4, 4),
    ]


async def test_a_room_is_active_when_something_is_said_in_it(database: Database) -> None:
    async def active_at(room: str) -> int:
        found = await database.read(lambda db: db.scalar(text(f"SELECT active_at FROM rooms WHERE name = '{room}'")))
        return int(found)

    await database.write(queries.open_room, room="attic")
    began = queries.now()
    await says(database, 1)
    alone = await active_at("lobby")
    assert alone >= began
    await asyncio.gather(
        *(database.write(queries.insert_message, **message(n, room)) for n, room in ((2, "attic"), (3, "lobby")))
    )
    assert await active_at("attic") >= began
    assert await active_at("lobby") - alone in (0, *range(1_000, 60_000))  # once a second at most


async def test_of_an_edit_and_a_deletion_at_once_nothing_comes_back(url: str) -> None:
    async with processes(url, 2) as (one, other):
        await one.write(queries.open_room, room="lobby")
        await arrives(one, "alice")
        for n in range(1, 21):
            await says(one, n)
            where = {"room": "lobby", "seq": n, "author": "alice"}
            edit = one.write(queries.edit, **where, text="edited")
            by = queries.Actor("alice", "alice")
            gone = other.write(queries.delete, room="lobby", seq=n, by=by, is_moderator=False)
            await asyncio.gather(edit, gone, return_exceptions=True)
        stored = await one.read(queries.said_after, room="lobby", after=0, limit=50)
        assert [(bool(m["deleted"]), m["text"]) for m in stored] == [(True, "")] * 20


def slowly(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, a moment later: others come in between."""

    def later(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.03)
        return function(*args, **kwargs)

    return later


async def test_a_name_whose_owner_comes_back_at_that_moment_is_borne_by_one(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people_queries, "_until", slowly(people_queries._until))
    async with processes(url, 2) as (one, other):
        await arrives(other, "bob")
        for n in range(5):
            await arrives(one, "ann", token="a", new_id="a")
            await one.write(queries.depart, "a")
            claim = other.write(queries.claim, person="bob", name=("ann", ["ann"]), held=0, spare=[])
            outcome, back = await asyncio.gather(
                claim, arrives(one, "ann", token="a", new_id="a"), return_exceptions=True
            )
            assert isinstance(back, dict)
            assert (back["nickname"] == "ann") == isinstance(outcome, Refused), (n, outcome, back)
            owner = "a" if isinstance(outcome, Refused) else "bob"
            assert await one.read(ids, "SELECT id FROM people WHERE nickname = 'ann'") == [owner]
            assert await one.read(ids, "SELECT person FROM skeletons WHERE skeleton = 'ann'") == [owner]
            await other.write(queries.claim, person="bob", name=("bob", ["bob"]), held=0, spare=[])


async def test_who_loses_a_race_is_told_so_and_nothing_breaks(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a write that is refused, so that each of the batch is asked by itself."""
    monkeypatch.setattr(people_queries, "_bear", slowly(people_queries._bear))
    async with processes(url, 2) as databases:
        for one, name in zip(databases, ("ann", "bob"), strict=True):
            await arrives(one, name)
        for n in range(5):
            claims = (
                one.write(queries.claim, person=person, name=(f"z{n}", [f"z{n}"]), held=0, spare=[])
                for one, person in zip(databases, ("ann", "bob"), strict=True)
            )
            wrong = (one.write(queries.insert_message, **message(1, "nowhere")) for one in databases)
            outcomes = await asyncio.gather(*wrong, *claims, return_exceptions=True)
            refused = [one for one in outcomes if isinstance(one, BaseException)]
            codes = sorted(one.code if isinstance(one, Refused) else repr(one) for one in refused)
            assert codes == ["nickname_taken", "no_such_room", "no_such_room"]


async def test_four_processes_start_at_once_on_an_empty_database(postgres: Cluster) -> None:
    async with processes(postgres.database(), 4) as databases:
        assert len(set(await asyncio.gather(*(one.read(queries.epoch) for one in databases)))) == 1


async def test_a_start_beside_others_marks_nobody_as_gone(url: str, database: Database) -> None:
    async with processes(url, 1):
        assert await database.read(lambda db: db.scalar(text("SELECT left_at FROM people"))) is None


async def test_a_process_that_stands_still_with_a_room_in_hand_is_ended(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "WRITING", storage.WRITING.replace("timeout = 3000", "timeout = 100"))

    def stands_still(db: Connection, *, room: str) -> None:
        queries.set_topic(db, room=room, topic="never")
        time.sleep(0.6)

    async with processes(url, 1) as (other,):
        held = asyncio.create_task(other.write(stands_still, room="lobby"))
        await until(lambda: other._commits._running)
        assert await says_again(database, 1) == 1
        with contextlib.suppress(Refused):
            await held


# --- migrations and starts ---


async def test_what_an_older_version_stored_is_kept(postgres: Cluster) -> None:
    url = postgres.database()
    made = storage.PostgreSQL(url, lambda _epoch: None)

    def as_0002(db: Connection) -> None:
        migrate(db, "0002")
        for statement in (
            "INSERT INTO epochs VALUES ('e')",
            "INSERT INTO people VALUES ('alice', 't', 'Alice', 'allce', 1, NULL)",
            "INSERT INTO rooms VALUES ('lobby', 'a\x1btopic', 1, 1, 1, 1)",
            "INSERT INTO messages VALUES ('lobby',1,1,'message-1','alice','Alice','said','hi',NULL,1,NULL,NULL,NULL)",
            "INSERT INTO reactions VALUES ('lobby', 1, '👍', 'alice', 'Alice', 1)",
        ):
            db.execute(text(statement))

    with made._engine.connect() as db:
        transaction(db, storage.MIGRATING, as_0002)
    async with processes(url, 1) as (database,):
        assert await database.read(queries.epoch) == "e"
        alice = await database.read(queries.whose, "t")
        assert alice and (alice["id"], alice["nickname"], alice["reserved"]) == ("alice", "Alice", False)
        (one,) = await database.read(queries.said_after, room="lobby", after=0, limit=9)
        assert (one["text"], one["reactions"]) == ("hi", {"👍": [1, ["Alice"]]})
        assert (await database.read(queries.room, "lobby"))["topic"] == "atopic"


async def refused(start_server: Start, url: str) -> str:
    with pytest.raises(BadSetting) as problem:
        await start_server(database_url=url)
    told = str(problem.value)
    assert "\n" not in told and "secret" not in told and "hunter" not in told, told
    return told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": "hunter2"}, "password authentication failed"),
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "nobody"}, 'authentication failed for user "nobody"'),
    ],
    ids=["password", "database", "user"],
)
async def test_who_may_not_come_in_is_told_in_one_sentence(
    postgres: Cluster, start_server: Start, change: dict[str, str], told: str
) -> None:
    assert told in await refused(start_server, postgres.url(**({"database": "postgres"} | change)))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://u:hunter2@127.0.0.1:1/db", "127.0.0.1"),
        ("postgres://u:hunter2@nowhere.invalid/db", "nowhere.invalid"),
        ("postgres://u:hunter2@host:port/db", "is not the address"),
        ("postgres://u:hun/ter2@host/db", "is not the address"),
        ("postgres://u:a@hunter2@host/db", "is not the address"),
        ("postgres://u:hunter2@[::1/db", "is not the address"),
        ("postgres://u:hunter2@127.0.0.1/db?pgbouncer=true", "pgbouncer"),
        ("postgresql://u:hunter2@127.0.0.1/db?sslmode=maybe", "sslmode"),
    ],
    ids=["closed", "no-host", "port", "slash", "at", "bracket", "parameter", "sslmode"],
)
async def test_an_address_that_leads_nowhere_is_told_in_one_sentence(start_server: Start, url: str, told: str) -> None:
    assert told in await refused(start_server, url)


async def test_a_database_of_another_program_is_not_touched(postgres: Cluster, start_server: Start) -> None:
    url = postgres.database()
    name = url.rpartition("/")[-1]
    postgres.execute("CREATE TABLE orders (id int)", name)
    assert "another program, with tables orders" in await refused(start_server, url)
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == [(1,)]


async def test_a_database_of_a_newer_parlor_is_told_in_one_sentence(postgres: Cluster, start_server: Start) -> None:
    url = postgres.database()
    await (await start_server(database_url=url)).stop()
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", url.rpartition("/")[-1])
    assert "made by a newer Parlor" in await refused(start_server, url)


async def test_an_encoding_that_cannot_hold_all_is_told_in_one_sentence(postgres: Cluster, start_server: Start) -> None:
    assert "its encoding is SQL_ASCII" in await refused(start_server, postgres.database(encoding="SQL_ASCII"))


async def test_a_server_that_is_too_old_is_told_in_one_sentence(
    url: str, start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "OLDEST", 99)
    assert "and 99 or later is needed" in await refused(start_server, url)


async def test_who_may_make_no_tables_is_told_in_one_sentence(postgres: Cluster, start_server: Start) -> None:
    url = postgres.database()
    postgres.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", url.rpartition("/")[-1])  # as PostgreSQL 15 begins
    postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
    told = await refused(start_server, postgres.url(url.rpartition("/")[-1], "guest", "hunter2"))
    assert "permission denied" in told


async def test_a_server_says_where_its_data_is_without_the_password(url: str, start_server: Start) -> None:
    server = await start_server(database_url=f"{url}?sslmode=prefer&application_name=club")
    assert server.database.place == f"postgresql://127.0.0.1:{url.partition('127.0.0.1:')[2]}"
    assert server.lock.is_held
    assert not (Path(str(server.settings.data)) / "parlor.db").exists()
    names = await server.database.read(lambda db: db.scalar(text("SELECT current_setting('application_name')")))
    assert names == "club"


# --- faults while serving ---


async def test_connections_that_are_ended_are_opened_anew_and_nobody_sees_it(
    postgres: Cluster, url: str, database: Database
) -> None:
    for n in range(1, 6):
        postgres.disconnect(url.rpartition("/")[-1])
        rev, epoch = await asyncio.gather(says(database, n), database.read(queries.epoch))
        assert (rev, len(epoch)) == (n, 32)


async def test_a_database_that_takes_its_time_to_let_us_in_is_waited_for(url: str) -> None:
    """As one that is far away, or busy: each connection takes a second, and two are needed at once."""
    async with processes(f"{url}?options=-c%20post_auth_delay%3D1", 1) as (database,):
        database._storage._pool.renew()  # type: ignore[attr-defined]
        await asyncio.gather(*(ask(sleeps, 1.5) for ask in (database.read, database.write)))


async def test_nobody_queues_behind_a_database_that_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "PATIENCE_S", 0.3)
    let_in = threading.Event()

    def connect() -> Connection:
        let_in.wait()
        raise Refused("storage", "It was closed.")

    connections = pool.Pool(connect, storage.CONNECTIONS)
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(Refused, match="does not answer"), connections.connection(1):
            pass
    assert time.monotonic() - began < 3, "20 times what the first one waited would be 6 s"
    connections.close()
    let_in.set()


def sleeps(db: Connection, seconds: float) -> None:
    db.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


async def test_a_slow_question_ends_in_a_refusal(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "READING", storage.READING.replace("timeout = 8000", "timeout = 50"))
    with pytest.raises(Refused, match="statement timeout") as refusal:
        await database.read(sleeps, 9)
    assert refusal.value.extra["retry_after"] == 2.0
    assert await database.read(queries.epoch)


async def test_a_slow_question_never_holds_up_a_stop(url: str) -> None:
    database = Database(url)
    await database.start()
    asked = (database.read(sleeps, 7), database.write(sleeps, 3))
    slow = [asyncio.ensure_future(one) for one in asked]
    await until(lambda: len(database._storage._pool._used) == 2)  # type: ignore[attr-defined]
    async with asyncio.timeout(4.5):
        await database.close()
    assert {type(one) for one in await asyncio.gather(*slow, return_exceptions=True)} == {Refused}


async def test_a_standby_is_refused_and_once_it_is_promoted_all_is_stored_again() -> None:
    with cluster() as first:
        async with processes(first.database(), 1) as (before,):
            await before.write(queries.open_room, room="lobby")
            await arrives(before, "alice")
            assert await says(before, 1) == 1
            standby = first.copy(first.folder.parent / "standby")
            standby.begin()
            try:
                database = Database(standby.url("test_0"))
                database.open_existing()
                try:
                    with pytest.raises(Refused, match="read-only") as refusal:
                        await says(database, 2)
                    assert refusal.value.extra["retry_after"]
                    await database.watch()
                    with pytest.raises(Refused, match="read-only"):
                        await database.ready()
                    standby.promote()
                    assert await says_again(database, 2) == 2
                    await database.ready()
                finally:
                    await database.close()
            finally:
                standby.kill()


async def test_while_the_server_is_away_it_is_said_and_all_resumes_by_itself() -> None:
    with cluster() as server:
        async with processes(server.database(), 1) as (database,):
            await database.write(queries.open_room, room="lobby")
            await arrives(database, "alice")
            assert await says(database, 1) == 1
            server.kill()
            for act in (says(database, 2), database.read(queries.epoch), database.ready()):
                with pytest.raises(Refused) as refusal:
                    await act
                assert (refusal.value.code, refusal.value.extra["retry_after"]) == ("storage", 2.0)
            server.begin()
            assert await says_again(database, 2) == 2
            await database.ready()


async def test_a_server_that_hangs_is_noticed_and_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "WRITE_LIMIT_S", 0.3)
    monkeypatch.setattr(storage, "READ_LIMIT_S", 0.3)
    with cluster() as server:
        async with processes(server.database(), 1) as (database,):
            await database.write(queries.open_room, room="lobby")
            await arrives(database, "alice")
            server.send_signal(signal.SIGSTOP)
            try:
                outcomes = await asyncio.gather(says(database, 1), database.read(queries.epoch), return_exceptions=True)
                assert {type(one) for one in outcomes} == {Refused}
            finally:
                server.send_signal(signal.SIGCONT)
            assert await says_again(database, 1) == 1
            server.send_signal(signal.SIGSTOP)
            database.set_lock_deadline(0.2)
            async with asyncio.timeout(4.5):
                await database.close()
            server.send_signal(signal.SIGCONT)


async def test_a_disk_that_is_full_is_a_refusal_and_all_resumes_by_itself(
    database: Database, postgres: Cluster, url: str
) -> None:
    """As the server says it: by a trigger, for a real one would take the other tests along."""
    name = url.rpartition("/")[-1]
    postgres.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
        name,
    )
    for table in ("messages", "epochs"):
        postgres.execute(
            f"CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION full_disk()", name
        )
    with pytest.raises(Refused, match="No space left"):
        await says(database, 1)
    await database.watch()
    with pytest.raises(Refused, match="No space left"):
        await database.ready()
    postgres.execute("DROP FUNCTION full_disk CASCADE", name)
    await database.watch()
    await database.ready()
    assert await says(database, 1) == 1


async def test_another_history_in_its_place_makes_everybody_come_again(
    database: Database, postgres: Cluster, url: str
) -> None:
    epochs: list[str] = []
    database.replaced = epochs.append
    await database.watch()
    postgres.execute("UPDATE epochs SET epoch = 'another'", url.rpartition("/")[-1])
    postgres.disconnect(url.rpartition("/")[-1])
    assert await database.read(queries.epoch) == "another"
    await until(lambda: epochs == ["another"])
    postgres.execute("UPDATE epochs SET epoch = 'a third'", url.rpartition("/")[-1])
    await database.watch()
    await until(lambda: epochs == ["another", "a third"])


async def test_a_database_that_was_emptied_is_a_refusal(database: Database, postgres: Cluster, url: str) -> None:
    postgres.execute("ALTER TABLE epochs RENAME TO away", url.rpartition("/")[-1])
    try:
        postgres.disconnect(url.rpartition("/")[-1])
        with pytest.raises(Refused, match="holds no history"):
            await database.read(queries.epoch)
    finally:
        postgres.execute("ALTER TABLE away RENAME TO epochs", url.rpartition("/")[-1])
    assert await says_again(database, 1) == 1


async def test_without_prepared_statements_all_goes_on(database: Database, url: str, postgres: Cluster) -> None:
    """As behind a pooler that hands each transaction to another server."""
    for n in range(1, 10):
        await says(database, n)
    await database.write(lambda db: db.execute(text("DEALLOCATE ALL")))
    assert await says(database, 10) == 10
    assert await database.read(queries.epoch)


async def test_what_was_confirmed_outlives_kills_of_the_server() -> None:
    """People say again, under the same ids, what was not confirmed: each once, in an order without gaps."""
    with cluster() as server:
        async with processes(server.database(), 2) as databases:
            await databases[0].write(queries.open_room, room="lobby")
            await arrives(databases[0], "alice")
            confirmed: dict[int, int] = {}

            async def talks(nth: int) -> None:
                for n in range(nth, 240, 6):
                    confirmed[n] = await says_again(databases[nth % 2], n)

            talking = [asyncio.create_task(talks(nth)) for nth in range(6)]
            for kill in range(1, 4):
                await until(lambda kill=kill: len(confirmed) > kill * 30)
                await asyncio.to_thread(lambda: (server.kill(), server.begin()))
            await asyncio.gather(*talking)
            stored = await databases[0].read(queries.said_after, room="lobby", after=0, limit=500)
            assert [one["rev"] for one in stored] == list(range(1, 241))
            assert {one["id"]: one["rev"] for one in stored} == {f"message-{n}": rev for n, rev in confirmed.items()}


# --- a whole server ---


async def test_two_servers_on_one_database_hold_one_conversation(start_server: Start, url: str) -> None:
    one, other = await start_server(database_url=url), await start_server(database_url=url)
    async with Talker(one.url, "alice") as alice:
        await alice.join("lobby")
        await alice.say("lobby", "hello")
    async with Talker(one.url, token=alice.token) as alice, Talker(other.url, "alice") as second:
        assert (alice.me["nickname"], second.me["nickname"].startswith("guest-")) == ("alice", True)
        await alice.join("lobby")
        joined = await second.join("lobby")
        assert [message["text"] for message in joined["messages"]] == ["hello"]
        assert (await second.say("lobby", "hello yourself"))["rev"] == 2
        assert [m["text"] for m in (await alice.ask("sync", {"room": "lobby", "after": 1}))["messages"]] == [
            "hello yourself"
        ]


async def test_no_character_that_a_client_sends_breaks_anything(start_server: Start, url: str) -> None:
    server = await start_server(database_url=url)
    async with Talker(server.url, "a\0b") as somebody:
        assert somebody.me["nickname"].startswith("guest-")
        await somebody.join("lobby")
        for payload in ({"text": "a\0b", "id": "message-1"}, {"text": "x", "id": "message\0-1"}):
            assert (await somebody.ask("send", {"room": "lobby"} | payload))["error"] == "bad_payload"
        for verb, payload in (("topic", {"topic": "a\0b"}), ("react", {"seq": 1, "emoji": "\0", "on": True})):
            assert (await somebody.ask(verb, {"room": "lobby"} | payload))["error"] == "bad_payload"
        assert (await somebody.ask("rename", {"nickname": "a\0b"}))["error"] in ("bad_payload", "bad_nickname")
        assert (await somebody.ask("history", {"room": "lobby", "after": 2**53 - 1}))["messages"] == []
        far = {"room": "lobby", "text": "x", "id": "message-2", "reply_to": 2**53 - 1}
        assert (await somebody.ask("send", far))["error"] == "no_such_message"
        assert (await somebody.ask("reacted", {"room": "lobby", "seqs": [2**53 - 1]}))["mine"] == {}


async def test_rooms_are_exported_and_given_a_retention(database: Database, url: str) -> None:
    settings = Settings(database_url=url)  # type: ignore[call-arg]
    await says(database, 1)
    lines = [line async for line in export_room(settings, "lobby", "jsonl")]
    assert len(lines) == 1 and '"seq":1' in lines[0]
    await set_retention(settings, "lobby", 0.5, 9)
    about = await database.read(queries.room, "lobby")
    assert (about["keep_days"], about["keep_messages"]) == (0.5, 9)
    with pytest.raises(Refused, match="no room #cellar"):
        [line async for line in export_room(settings, "cellar", "jsonl")]


async def test_days_of_a_room_are_read(database: Database) -> None:
    await says(database, 1)
    day = await database.read(queries.day_of, room="lobby", seq=1)
    page = await database.read(queries.said_on, room="lobby", day=None, start=None, limit=9)
    assert (page["day"], [one["seq"] for one in page["messages"]]) == (day, [1])


async def test_while_the_database_is_away_nobody_is_disconnected_and_all_goes_on_by_itself(
    start_server: Start,
) -> None:
    with cluster() as postgres:
        server = await start_server(database_url=postgres.database())
        async with Talker(server.url, "alice") as alice, ClientSession() as http:
            await alice.join("lobby")
            await alice.say("lobby", "before")
            cache = server.database._cache
            while "lobby" not in cache._aside:  # what is read while news of the room come in is not kept
                await alice.join("lobby")
                await until(lambda: not len(cache))
            postgres.kill()
            refusal = await alice.ask("send", {"room": "lobby", "text": "x", "id": "message-1"})
            assert (refusal["error"], refusal["retry_after"]) == ("storage", 2.0)
            assert (await alice.ask("echo", {}))["ok"]
            joined = await alice.join("lobby")
            assert [one["text"] for one in joined["messages"]] == ["before"], "what is known is shown"
            async with http.get(f"{server.url}/readyz") as ready:
                assert ready.status == 503
            postgres.begin()

            async def is_stored() -> bool:
                return bool((await alice.ask("send", {"room": "lobby", "text": "x", "id": "message-1"}))["ok"])

            async with asyncio.timeout(PATIENCE):
                while not await is_stored():
                    await asyncio.sleep(0.05)
            async with http.get(f"{server.url}/readyz") as ready:
                assert ready.status == 200
            assert alice.client.connected


async def test_a_server_stops_in_time_though_its_database_hangs(start_server: Start) -> None:
    """With a message under way, somebody connected, and one more who would like to come."""
    with cluster() as postgres:
        server = await start_server(database_url=postgres.database())
        alice = await Talker(server.url, "alice").__aenter__()
        await alice.join("lobby")
        postgres.send_signal(signal.SIGSTOP)
        try:
            sending = asyncio.create_task(alice.ask("send", {"room": "lobby", "text": "x", "id": "message-1"}))
            await until(lambda: server.database._commits._running)
            begun = time.monotonic()
            await server.stop()
            assert time.monotonic() - begun < 5
            with contextlib.suppress(Exception):  # the answer, or the end of the connection
                assert (await sending)["error"] == "storage"
        finally:
            postgres.send_signal(signal.SIGCONT)
            await alice.client.disconnect()


async def test_what_is_acked_is_on_the_disk_whatever_the_server_does_for_others(postgres: Cluster) -> None:
    url = postgres.database()
    name = url.rpartition("/")[-1]
    setting = text("SELECT current_setting('synchronous_commit')")
    for default, wanted in (("off", "on"), ("remote_apply", "remote_apply")):
        postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = {default}")
        async with processes(url, 1) as (database,):
            assert await database.write(lambda db: db.scalar(setting)) == wanted


async def test_tls_is_spoken_as_the_address_says(start_server: Start) -> None:
    with cluster() as server:
        url = server.database()
        assert "does not support SSL" in await refused(start_server, f"{url}?sslmode=require")
        server.kill()
        key, certificate = server.folder / "server.key", server.folder / "server.crt"
        subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", *subject)
        subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        key.chmod(0o600)
        for file in (key, certificate):
            shutil.chown(file, server.folder.stat().st_uid, server.folder.stat().st_gid)
        server.options["ssl"] = "on"
        server.begin()
        for wanted in ("sslmode=require", f"sslmode=verify-full&sslrootcert={certificate}"):
            async with processes(f"{url}?{wanted}", 1) as (database,):
                speaks = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                assert await database.read(lambda db, speaks=speaks: db.scalar(speaks)) is True
        assert "certificate" in await refused(start_server, f"{url}?sslmode=verify-full&sslrootcert=system")
