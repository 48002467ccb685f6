"""Leases: with two servers on one database, nobody is marked as gone by the other one, and everybody in the end."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from app.chat import Chat, doors, people
from app.chat.doors import Ending
from app.chat.leases import LOOKS, Lease
from app.model import Connection, Refused
from app.server import Running
from app.store import queries
from app.store.tables import connected
from app.store.tables import people as table
from tests.chat.conftest import arrives
from tests.conftest import Start
from tests.support.talker import Talker, until

Two = tuple[Running, Running]
HOUR_MS = 3_600_000


@pytest.fixture
async def two(start_server: Start) -> Two:
    """On one database; nobody looks but by the test's hand."""
    return await start_server(), await start_server()


async def here(chat: Chat) -> set[str]:
    """The nicknames of those who have not left, by the database."""
    return set(await chat.store.read(lambda db: db.scalars(select(table.c.nickname).where(table.c.left_at.is_(None)))))


async def rows(chat: Chat) -> set[tuple[str, str]]:
    """Who is connected to which process, by the database."""
    return {tuple(row) for row in await chat.store.read(lambda db: db.execute(select(connected)).all())}


async def looks(lease: Lease, times: int = LOOKS) -> None:
    for _ in range(times):
        await lease.look()


async def suddenly_dies(server: Running) -> None:
    """Without a last word."""
    for task in server.background_tasks:
        task.cancel()
    await asyncio.gather(*server.background_tasks, return_exceptions=True)


async def test_who_is_with_two_processes_leaves_with_the_last(two: Two) -> None:
    one, other = (server.chat for server in two)
    token = two[0].chat.tokens.new()
    here_too = await arrives(one, "tab", "alice", token)
    there = await arrives(other, "another tab", token=token)
    assert await rows(one) == {(there.person.id, one.process), (there.person.id, other.process)}
    await doors.depart(one, here_too, Ending.DELIBERATE)
    assert await here(one) == {"alice"}
    await doors.depart(other, there, Ending.DELIBERATE)
    assert (await here(one), await rows(one)) == (set(), set())


async def test_a_start_marks_nobody_of_another_process_as_gone(start_server: Start) -> None:
    first = await start_server()
    await arrives(first.chat, "socket", "alice")
    second = await start_server()
    await looks(second.lease, LOOKS - 1)
    assert await here(second.chat) == {"alice"}


async def test_whoever_finds_a_lease_unchanged_notes_the_departures_and_nobody_else_s(two: Two) -> None:
    """Alice is with the dead one alone; bob has a tab with each; carol is with the one that lives."""
    dead, alive = two
    token = alive.chat.tokens.new()
    await arrives(dead.chat, "socket of alice", "alice")
    await arrives(dead.chat, "socket of bob", "bob", token)
    bob = await arrives(alive.chat, "another socket of bob", token=token)
    carol = await arrives(alive.chat, "socket of carol", "carol")
    await suddenly_dies(dead)
    await looks(alive.lease, LOOKS - 1)
    assert await here(alive.chat) == {"alice", "bob", "carol"}, "it may be busy"
    await alive.lease.look()
    assert await here(alive.chat) == {"bob", "carol"}
    assert await rows(alive.chat) == {(one.person.id, alive.chat.process) for one in (bob, carol)}
    assert {one["id"] for one in await alive.chat.store.read(queries.all_leases)} == {alive.chat.process}
    assert alive.lease.processes == 2, "as of the last look"


async def test_a_name_of_whoever_a_dead_process_takes_along_is_held_as_usual(two: Two) -> None:
    dead, alive = two
    await arrives(dead.chat, "socket of alice", "alice")
    bob = await arrives(alive.chat, "socket of bob", "bob")
    await suddenly_dies(dead)
    await looks(alive.lease)
    with pytest.raises(Refused) as refusal:
        await people.take(alive.chat, bob, "alice")
    assert refusal.value.extra["holder"] == "away"


async def test_one_that_renews_is_alive_however_wrong_its_clock_is(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two
    await arrives(one.chat, "socket", "alice")
    for _ in range(2 * LOOKS):
        with monkeypatch.context() as wrong:
            wrong.setattr("app.store.queries.leases.now", lambda before=queries.now: before() - 24 * HOUR_MS)
            await one.lease.look()
        await other.lease.look()
    assert await here(one.chat) == {"alice"}


async def test_one_that_was_taken_for_dead_says_anew_who_is_here(two: Two) -> None:
    late, other = two
    async with Talker(late.url, "alice") as alice:
        await alice.join("lobby")
        await looks(other.lease)
        assert await here(other.chat) == set()
        await late.lease.look()
        assert await here(other.chat) == {"alice"}
        assert await rows(other.chat) == {(alice.me["id"], late.chat.process)}
        await looks(other.lease, LOOKS - 1)
        assert await here(other.chat) == {"alice"}


async def test_of_two_that_find_a_lease_run_out_one_ends_it(two: Two) -> None:
    one, other = two
    lease = {"process": "gone0000", "host": "h", "pid": 1, "version": "1"}
    await one.chat.store.write(queries.begin_lease, **lease)
    seen_at = next(row["seen_at"] for row in await one.chat.store.read(queries.all_leases) if row["id"] == "gone0000")
    ends = [server.chat.store.write(queries.end_lease, process="gone0000", seen_at=seen_at) for server in two]
    assert sorted(await asyncio.gather(*ends)) == [False, True]
    assert not await one.chat.store.write(queries.end_lease, process=other.chat.process, seen_at=1), "it was renewed"


async def test_arrivals_and_departures_that_cross_leave_the_database_as_it_is(two: Two) -> None:
    """Three people come to and leave both processes at once, again and again, while leases are looked at."""
    r, tokens = Random(1), [two[0].chat.tokens.new() for _ in range(3)]
    open_now: list[tuple[Chat, Connection]] = []

    async def comes(n: int) -> None:
        chat = r.choice(two).chat
        open_now.append((chat, await arrives(chat, f"socket {n}", token=r.choice(tokens))))

    async def departs() -> None:
        if open_now:
            chat, connection = open_now.pop(r.randrange(len(open_now)))
            await doors.depart(chat, connection, Ending.DELIBERATE)

    for n in range(40):
        await asyncio.gather(comes(3 * n), departs(), comes(3 * n + 1), departs(), departs(), comes(3 * n + 2))
        if n % 10 == 0:
            await asyncio.gather(*(server.lease.look() for server in two))
        chat = two[0].chat
        assert await rows(chat) == {(one.person.id, where.process) for where, one in open_now}
        assert await here(chat) == {where.presence.online.nickname(one.person.id) for where, one in open_now}


async def test_a_stop_gives_the_lease_back_at_once(two: Two) -> None:
    stops, stays = two
    await arrives(stops.chat, "socket", "alice")
    await stops.stop()
    assert await here(stays.chat) == set()
    assert {one["id"] for one in await stays.chat.store.read(queries.all_leases)} == {stays.chat.process}


async def test_a_process_that_is_alone_writes_nothing_while_nothing_happens(server: Running) -> None:
    before = await server.chat.store.read(queries.all_leases)
    await looks(server.lease, 2 * LOOKS)
    assert await server.chat.store.read(queries.all_leases) == before
    assert server.lease.processes == 1


Fails = Callable[..., Awaitable[Any]]


async def test_what_could_not_be_stored_when_people_came_and_left_is_stored_later(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alice comes back and bob leaves while the disk is full."""
    chat, token = server.chat, server.chat.tokens.new()
    alice = await arrives(chat, "socket", "alice", token)
    await doors.depart(chat, alice, Ending.DELIBERATE)
    bob = await arrives(chat, "socket of bob", "bob")

    async def full(*_: object, **__: object) -> None:
        raise Refused("storage", "The disk is full.")

    with monkeypatch.context() as trouble:
        trouble.setattr(chat.store, "write", full)
        await arrives(chat, "another socket", token=token)
        await doors.depart(chat, bob, Ending.DELIBERATE)
        with pytest.raises(Refused):
            await Lease.end_others(server.lease)
    assert await here(chat) == {"bob"}
    await server.lease.look()
    assert await here(chat) == {"alice"}
    assert await rows(chat) == {(alice.person.id, chat.process)}


@pytest.mark.sqlite
async def test_a_crash_leaves_no_lease_behind_on_a_file_that_one_server_has_alone(start_server: Start) -> None:
    """The next start holds the lock of the file: all others are gone, and their people with them."""
    server = await start_server()
    await server.chat.store.write(queries.begin_lease, process="gone0000", host="h", pid=1, version="1")
    ghost = {"token": "t", "new_id": "ghost", "wish": ("ghost", ["ghost"]), "guests": list, "held": HOUR_MS}
    await server.chat.store.write(queries.arrive, **ghost, process="gone0000")
    await server.stop()
    again = await start_server()
    assert await here(again.chat) == set()
    assert {one["id"] for one in await again.chat.store.read(queries.all_leases)} == {again.chat.process}


async def test_the_lease_is_looked_at_by_itself(start_server: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.chat.leases.INTERVAL_S", 0.02)
    one, other = await start_server(), await start_server()
    await arrives(one.chat, "socket", "alice")
    await until(lambda: one.lease.processes == other.lease.processes == 2)
    await suddenly_dies(one)
    await until(lambda: other.lease.processes == 1)
    assert await here(other.chat) == set()
