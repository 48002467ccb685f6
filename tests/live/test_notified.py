"""Two servers on one PostgreSQL, without Redis: they hear each other at once where the database notifies, and by
looking where it does not. Where only a notification can have brought something, the regular look is far away."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import pytest

from app.live.feed import PAUSE_S
from app.server import Running
from app.store import notifications
from app.store import notified as notified_connection
from app.store.notifications import CHANNEL, digest
from tests.conftest import servers
from tests.live.test_bans import ROOM, Pair
from tests.support import PATIENCE
from tests.support.pooler import pooler
from tests.support.postgres import Cluster
from tests.support.redis import RedisServer
from tests.support.talker import Talker, until

FAR = 1_000.0  # seconds
LISTENERS = "query ~ '^LISTEN|^SELECT pg_notify' AND pid <> pg_backend_pid() AND datname = current_database()"
STRANGER = "stranger"  # as a process is called


class Notified(Pair):
    def __init__(self, stack: AsyncExitStack, both: list[Running], postgres: Cluster, database: str) -> None:
        super().__init__(stack, [one.url for one in both])
        self.servers, self.postgres, self.database = both, postgres, database

    async def all_are(self, state: str) -> None:
        await until(lambda: all(state_of(one) == state for one in self.servers))

    async def notify(self, *payloads: str, times: int = 1) -> None:
        """As somebody who may connect to the database, and no more."""

        def send() -> None:
            with psycopg.connect(self.postgres.url(self.database), autocommit=True) as db:
                for _ in range(times):
                    for payload in payloads:
                        db.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))

        await asyncio.to_thread(send)

    async def execute(self, statement: str) -> list[Any]:
        return await asyncio.to_thread(self.postgres.execute, statement, self.database)

    async def look_seldom(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Returns once the last regular look is over, and those that a new connection asks for."""
        monkeypatch.setattr("app.live.feed.LOOK_S", FAR)
        monkeypatch.setattr("app.chat.looking.LOOK_S", FAR)
        now = asyncio.get_running_loop().time
        for one in self.servers:
            feed = one.feed
            assert feed
            await until(lambda feed=feed: feed._look_at > now() + FAR / 2 and not feed._must_look.is_set())

    async def terminate_listeners(self) -> None:
        await self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENERS}")
        await until(lambda: all(self.reading("parlor_notify_interruptions", at) == 1 for at in (0, 1)))

    def reading(self, name: str, at: int = 1) -> float:
        feed = self.servers[at].feed
        assert feed and feed.bus
        found = {one.name: one.value for one in (*feed.readings(), *feed.bus.readings())}  # type: ignore[attr-defined]
        return found[name]


def state_of(server: Running) -> str:
    found = server.database.notifications
    assert found
    return found.state


@asynccontextmanager
async def notified(folder: Path, postgres: Cluster, url: str, through: str | None = None) -> AsyncIterator[Notified]:
    """Alice and bob at the first, bob and carol at the second, all in the room. through: the address to be used."""
    async with AsyncExitStack() as stack:
        begin = await stack.enter_async_context(servers(folder, through or url))
        both = [await begin(trust_proxies=1) for _ in range(2)]
        yield Notified(stack, both, postgres, url.rpartition("/")[-1])


@pytest.fixture
async def talk(postgres: Cluster, tmp_path: Path) -> AsyncIterator[Notified]:
    with postgres.lend() as url:
        async with notified(tmp_path, postgres, url) as talk:
            await talk.all_are(notifications.HEARD)
            await talk.begin()
            yield talk


@pytest.fixture
async def silent(talk: Notified, monkeypatch: pytest.MonkeyPatch) -> Notified:
    """Nobody looks but where something says that there is something."""
    await talk.look_seldom(monkeypatch)
    return talk


async def test_a_message_and_its_changes_are_heard_at_once(silent: Notified) -> None:
    said = await silent.alice.say(ROOM, "hello")
    await silent.carol.hears_texts(ROOM, 1)
    about = {"room": ROOM, "seq": said["seq"]}
    assert (await silent.carol.ask("react", about | {"emoji": "👍", "on": True}))["ok"]
    await silent.alice.hears("message", lambda event: event["message"].get("reactions") == {"👍": ["carol"]})
    assert (await silent.alice.ask("edit", about | {"text": "hello there"}))["ok"]
    await silent.carol.hears("message", lambda event: event["message"]["text"] == "hello there")
    await silent.alice.ask("topic", {"room": ROOM, "topic": "tea"})
    await silent.carol.hears("room", lambda event: event["room"]["topic"] == "tea")
    assert silent.reading("parlor_notify_received") >= 3 and silent.reading("parlor_notify_garbage") == 0


async def test_what_both_say_at_once_is_heard_in_one_order(silent: Notified) -> None:
    await asyncio.gather(*((silent.alice, silent.carol)[n % 2].say(ROOM, f"{n}") for n in range(200)))
    for one in (silent.alice, silent.carol):
        await one.hears_texts(ROOM, 200)
    assert silent.alice.texts(ROOM) == silent.carol.texts(ROOM)


async def test_a_ban_sends_out_at_once(silent: Notified) -> None:
    await silent.ban()
    assert (await silent.there.hears("removed"))["error"] == "banned"


async def test_what_is_said_to_one_alone_and_what_was_read_is_told_at_once(silent: Notified) -> None:
    said = await silent.alice.say(ROOM, "read this")
    await silent.there.hears_texts(ROOM, 1)
    assert (await silent.here.ask("seen", {"room": ROOM, "seq": said["seq"]}))["ok"]
    assert (await silent.there.hears("seen"))["seq"] == said["seq"]
    assert (await silent.carol.ask("open", {"person": silent.alice.me["id"]}))["ok"]
    await silent.carol.say(f"@{silent.alice.me['id']}", "between us")
    assert (await silent.alice.hears("opened"))["person"]["nickname"] == "carol"


async def test_without_a_listener_the_look_finds_it_and_then_it_listens_again(
    talk: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_connect = threading.Event()

    def pause(failures: int) -> float:
        if failures:
            may_connect.wait(PATIENCE)
        return 0.0

    monkeypatch.setattr(notifications, "_pause", pause)
    await talk.terminate_listeners()
    await talk.alice.say(ROOM, "meanwhile")
    await talk.carol.hears_texts(ROOM, 1)
    await talk.ban()
    await talk.there.hears("removed")
    assert {state_of(one) for one in talk.servers} == {notifications.AWAY}
    may_connect.set()
    await talk.all_are(notifications.HEARD)
    await talk.look_seldom(monkeypatch)
    await talk.alice.say(ROOM, "and at once")
    await talk.carol.hears_texts(ROOM, 2)


async def test_what_was_missed_is_looked_for_as_soon_as_it_listens_again(silent: Notified) -> None:
    await silent.terminate_listeners()
    await silent.alice.say(ROOM, "meanwhile, or not")
    await silent.carol.hears_texts(ROOM, 1)


async def test_what_a_stranger_notifies_costs_a_look_and_nothing_else(silent: Notified) -> None:
    garbage = ("", "x", "\u2603" * 2_000, "a" * 7_999, f"{STRANGER}", f"{STRANGER} {ROOM}", f"{STRANGER}  @", "\n")
    heard = {id(one): len(one.heard) for one in (silent.alice, silent.carol)}
    before = silent.reading("parlor_feed_looks_asked")
    await silent.notify(*garbage, f"{STRANGER} {digest('nowhere')}", f"{STRANGER} @ {digest(ROOM)} @")
    await until(lambda: silent.reading("parlor_feed_looks_asked") == before + 1)
    assert silent.reading("parlor_notify_garbage") == len(garbage)
    assert heard == {id(one): len(one.heard) for one in (silent.alice, silent.carol)}
    await silent.notify(f"{silent.servers[1].chat.process} {digest(ROOM)}")  # passed over
    await silent.notify(f"{STRANGER} {digest(ROOM)}")
    await until(lambda: silent.reading("parlor_feed_looks_asked") > before + 1)
    assert silent.reading("parlor_feed_looks_asked") == before + 2
    await silent.alice.say(ROOM, "hello")
    await silent.carol.hears_texts(ROOM, 1)


async def test_a_flood_of_notifications_is_a_few_looks(silent: Notified) -> None:
    loop = asyncio.get_running_loop()
    before, began = silent.reading("parlor_feed_looks_asked"), loop.time()
    received = silent.reading("parlor_notify_received")
    flood = asyncio.create_task(silent.notify(f"{STRANGER} @ {digest(ROOM)}", times=3_000))
    await silent.alice.say(ROOM, "amid it")
    await silent.carol.hears_texts(ROOM, 1)
    await flood
    await until(lambda: silent.reading("parlor_notify_received") >= received + 3_000)
    looks, most = silent.reading("parlor_feed_looks_asked") - before, (loop.time() - began) / PAUSE_S + 2
    assert 1 <= looks <= most


async def test_where_nothing_can_be_notified_all_is_stored_and_found_by_looking(
    talk: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's process behind the connection hangs."""
    monkeypatch.setattr(notified_connection, "ANSWER_S", 0.5)
    pids = [pid for (pid,) in await talk.execute(f"SELECT pid FROM pg_stat_activity WHERE {LISTENERS}")]
    assert len(pids) == 2
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for n in range(5):
            await talk.alice.say(ROOM, f"{n}")
        await talk.carol.hears_texts(ROOM, 5)
        await until(lambda: talk.reading("parlor_notify_interruptions", 0) == 1)
        await until(lambda: state_of(talk.servers[0]) == notifications.HEARD)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_behind_a_pooler_that_keeps_notifications_the_look_remains_and_it_is_told(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notifications, "PROBE_S", 0.5)
    with postgres.lend() as url, caplog.at_level(logging.WARNING, "parlor.store"):
        async with pooler(postgres.port) as (between, port):
            through = url.replace(f":{postgres.port}/", f":{port}/") + "?sslmode=disable"
            async with notified(tmp_path, postgres, url, through) as talk, aiohttp.ClientSession() as http:
                await talk.all_are(notifications.POOLED)
                await talk.begin()
                await talk.alice.say(ROOM, "hello")
                await talk.carol.hears_texts(ROOM, 1)
                await talk.ban()
                await talk.there.hears("removed")
                async with http.get(f"{talk.urls[0]}/readyz") as answer:
                    assert (await answer.json())["notifications"] == "kept by a pooler"
                async with http.get(f"{talk.urls[0]}/healthz") as answer:
                    assert (await answer.json())["others"] == "database"
                assert between.dropped and talk.reading("parlor_notify_received") == 0
    told = [one.getMessage() for one in caplog.records if "keeps notifications to itself" in one.getMessage()]
    assert len(told) == 2, "once by each of them"


async def test_how_others_are_heard_is_told(talk: Notified) -> None:
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{talk.urls[0]}/readyz") as answer:
            assert (await answer.json())["notifications"] == "heard"
        async with http.get(f"{talk.urls[0]}/healthz") as answer:
            assert (await answer.json())["others"] == "notify"
        async with http.get(f"{talk.urls[0]}/metrics") as answer:
            assert "parlor_notify_heard 1.0" in await answer.text()


async def test_where_redis_is_nobody_listens_or_notifies(postgres: Cluster, redis: RedisServer, tmp_path: Path) -> None:
    with postgres.lend() as url:
        async with servers(tmp_path, url) as begin:
            server = await begin(redis_url=redis.url)
            async with Talker(server.url, "alice") as alice:
                await alice.join(ROOM)
                await alice.say(ROOM, "hello")
                name = url.rpartition("/")[-1]
                found = await asyncio.to_thread(
                    postgres.execute, f"SELECT query FROM pg_stat_activity WHERE {LISTENERS}", name
                )
                assert found == []


async def test_the_log_says_once_a_minute_at_most_that_nobody_notifies(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    def connect() -> Any:
        nonlocal tries
        tries += 1
        raise psycopg.OperationalError("nobody is there")

    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.WARNING, "parlor.store"):
        patch.setattr(notifications, "_pause", lambda _failures: 0.001)
        alone = notifications.Notifications(connect, lambda _channel: None)
        alone.start("alonealo", lambda _rooms, _is_personal: None)
        await until(lambda: tries > 50)
        alone.stop()
    assert [one.getMessage() for one in caplog.records] == [
        "PostgreSQL notifies nobody (nobody is there): what others store is found by looking, within 2 s"
    ]


def test_more_rooms_than_a_payload_holds_wait_for_the_next_one() -> None:
    unsent = notifications.Unsent()
    unsent.add({digest(f"room-{n}") for n in range(1_500)})
    payloads = [unsent.take(), unsent.take(), unsent.take()]
    unsent.bell.close()
    assert not unsent and len({word for one in payloads for word in one.split()}) == 1_500
    assert all(len(f"{STRANGER} {one}") < 8_000 for one in payloads)
