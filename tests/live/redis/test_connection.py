"""The connection to Redis alone: frames, order, what happens when it breaks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.frames import BadFrame, Seal
from tests.support.need import program
from tests.support.process import free_port
from tests.support.redis import RedisServer, not_redis, redis_server

EPOCH = "0123456789abcdef"
WITHIN = 20.0  # seconds; a limit for what never comes


@asynccontextmanager
async def connected(
    url: str, name: str, epoch: str = EPOCH, secret: str = "", verify: bool = True
) -> AsyncIterator[RedisConnection]:
    connection = RedisConnection(url, name.ljust(8, "0"), epoch, secret, verify)
    await connection.start()
    try:
        yield connection
    finally:
        await connection.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN):
        while not condition():
            await asyncio.sleep(0.01)


class Heard(list[tuple[str, bytes]]):
    """What came on a channel."""

    def __call__(self, process: str, body: bytes) -> None:
        self.append((process, body))


async def listening(connection: RedisConnection, channel: str, kind: bytes = b"n") -> Heard:
    """Subscribed, and confirmed."""
    heard, ready = Heard(), asyncio.Event()
    connection.subscribe(channel, kind, heard, ready.set)
    async with asyncio.timeout(WITHIN):
        await ready.wait()
    return heard


async def test_what_one_publishes_the_others_hear_in_its_order_and_itself_does_not(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        own, heard = await listening(a, "room:lobby"), await listening(b, "room:lobby")
        for number in range(500):
            a.publish("room:lobby", b"n", b"%d" % number)
        await until(lambda: len(heard) == 500)
        assert heard == [("a0000000", b"%d" % number) for number in range(500)]
        assert own == []
        await until(lambda: a.counts.published == 500)
        assert a.counts.lag > 0, "its own come back, which tells how long it takes"


async def test_the_last_words_of_a_process_are_heard(redis: RedisServer) -> None:
    async with connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        async with connected(redis.url, "a") as a:
            for number in range(500):
                a.publish("room:lobby", b"n", b"%d" % number)
        await until(lambda: len(heard) == 500)


async def test_a_kind_is_heard_by_whoever_asked_for_it(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        news, people = await listening(b, "room:lobby"), await listening(b, "room:lobby", b"p")
        a.publish("room:lobby", b"p", b"bob came")
        a.publish("room:lobby", b"n", b"hello")
        await until(lambda: news and people)
        assert (news, people) == ([("a0000000", b"hello")], [("a0000000", b"bob came")])
        b.unsubscribe("room:lobby", b"n")
        assert b.subscribed == 1
        b.unsubscribe("room:lobby", b"p")
        assert b.subscribed == 0


async def test_commands_are_answered(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a:
        assert await asyncio.gather(*(a.call("INCR", a.key("n")) for _ in range(3))) == [1, 2, 3]
        assert await redis.call("GET", "parlor:01234567:n") == "3"
        with pytest.raises(Unusable, match="HGET"):
            await a.call("HGET", a.key("n"), "x")
        assert await a.call("GET", a.key("n")) == b"3", "a refusal is no trouble"


async def test_news_take_neither_a_timer_nor_a_task_each(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout for each answer, and a task's step for each, cost more than the news."""
    timers: list[str] = []
    loop = asyncio.get_running_loop()

    class Counting:
        """The loop, as those know it who set timers or begin tasks."""

        def __getattr__(self, name: str) -> Any:
            if name in ("call_later", "call_at", "create_task"):
                timers.append(name)
            return getattr(loop, name)

    def counted(*_: object) -> object:
        timers.append("timeout")
        return waiting(*_)

    waiting = asyncio.timeout
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        with monkeypatch.context() as patch:
            patch.setattr(asyncio, "get_running_loop", Counting)
            patch.setattr(asyncio, "timeout", counted)
            for number in range(100):
                a.publish("room:lobby", b"n", b"%d" % number)
                while len(heard) <= number:
                    await asyncio.sleep(0)
        assert len(timers) < 20, "none of them for each"


@pytest.mark.parametrize(("epoch", "secret"), [("0123456789abcdeX", ""), (EPOCH, "another")])
async def test_another_history_and_another_secret_are_not_heard(redis: RedisServer, epoch: str, secret: str) -> None:
    async with connected(redis.url, "a", epoch, secret) as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        a.publish("room:lobby", b"n", b"hello")
        await until(lambda: b.counts.garbage)
        assert heard == []


async def test_garbage_is_dropped_and_said_once(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        good = Seal("a0000000", EPOCH).close(b"n", 0, b"hello")
        bad = [b"", b"x", b"\xff" * 500, good[:-1], good + b"!", b"\x02" + good[1:], b'{"room": "lobby"}']
        for one in bad:
            await redis.call("PUBLISH", "parlor:01234567:room:lobby", one)
        a.publish("room:lobby", b"n", b"and on")
        await until(lambda: heard)
        assert heard == [("a0000000", b"and on")]
        assert b.counts.garbage == len(bad)
        assert len([record for record in caplog.records if "no news" in record.message]) == 1


def test_a_frame_that_was_changed_is_told() -> None:
    ours, theirs = Seal("aaaaaaaa", EPOCH), Seal("bbbbbbbb", EPOCH)
    frame = theirs.close(b"n", 7, b"hello")
    assert ours.open(frame) == ("bbbbbbbb", b"n", 7, b"hello")
    for place in range(len(frame)):
        damaged = frame[:place] + bytes([frame[place] ^ 1]) + frame[place + 1 :]
        with pytest.raises(BadFrame):
            ours.open(damaged)


async def test_a_fault_of_a_listener_does_not_end_the_connection(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")

        def fail(process: str, body: bytes) -> None:
            raise ZeroDivisionError

        b.subscribe("room:lobby", b"x", fail)
        a.publish("room:lobby", b"x", b"")
        a.publish("room:lobby", b"n", b"hello")
        await until(lambda: heard)


async def test_after_a_death_of_redis_all_is_as_before(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        troubles: list[int] = []
        b.on_trouble.append(lambda: troubles.append(1))
        await redis.kill()
        await until(lambda: not a.is_connected and not b.is_connected)
        assert troubles
        a.publish("room:lobby", b"n", b"nobody hears this")
        assert a.counts.dropped == 1
        with pytest.raises(Unusable):
            await a.call("PING")
        await redis.begin()
        await until(lambda: a.is_connected and b.is_connected)
        a.publish("room:lobby", b"n", b"hello")
        await until(lambda: heard)
        assert heard == [("a0000000", b"hello")]
    said = [record.message for record in caplog.records if record.name == "parlor.redis"]
    assert len([one for one in said if "is away" in one]) == len([one for one in said if "is back" in one]) == 2, said


async def test_short_interruptions_one_after_the_other_are_not_told_again_and_again(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        lines = [one.message for one in caplog.records if one.name == "parlor.redis"]
        return ["away" if "is away" in line else "back" for line in lines]

    async with connected(redis.url, "a") as a:
        await listening(a, "room:lobby")
        for _ in range(5):
            before = a.outages.count
            await redis.call("CLIENT", "KILL", "TYPE", "pubsub")
            await until(lambda before=before: a.outages.count > before and a.is_connected)
        await redis.kill()
        await until(lambda: said().count("away") == 2)
        await redis.begin()
        await until(lambda: a.is_connected)
    assert said() == ["away", "back", "away", "back"], "the first, and the one that lasted"


async def test_a_redis_that_hangs_is_left_and_found_again(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.redis.commands.ANSWER_TIMEOUT_S", 0.3)
    monkeypatch.setattr("app.live.redis.subscriptions.SILENCE_TIMEOUT_S", 0.3)
    monkeypatch.setattr("app.live.redis.subscriptions.PING_INTERVAL_S", 0.1)
    async with connected(redis.url, "a") as a:
        redis.suspend()
        with pytest.raises(Unusable):
            await a.call("PING")
        await until(lambda: not a.is_connected)
        redis.resume()
        await until(lambda: a.is_connected)
        assert await a.call("PING") == b"PONG"


async def test_what_redis_does_not_take_is_bounded(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a:
        redis.suspend()
        for _ in range(100):
            a.publish("room:lobby", b"n", bytes(1_000_000))
        assert 90 <= a.counts.dropped < 100
        redis.resume()
        await until(lambda: a.counts.published + a.counts.dropped == 100)


async def test_a_subscriber_that_is_cut_hears_on(redis: RedisServer) -> None:
    """As by a limit of its buffer; but Valkey 9 sends what is large without a copy, and does not count it there."""
    async with connected(redis.url, "a") as a, connected(redis.url, "b") as b:
        heard = await listening(b, "room:lobby")
        await redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: b.outages.count and b.is_connected)
        a.publish("room:lobby", b"n", b"hello")
        await until(lambda: ("a0000000", b"hello") in heard)


async def test_another_history_has_channels_of_its_own(redis: RedisServer) -> None:
    async with connected(redis.url, "a") as a, connected(redis.url, "b", "fedcba9876543210") as b:
        heard = await listening(a, "room:lobby")
        a.change_epoch("fedcba9876543210")
        assert not a.is_connected
        await until(lambda: a.is_connected)
        assert a.outages.count == 0, "nothing is wrong"
        b.publish("room:lobby", b"n", b"hello")
        await until(lambda: heard)


async def refusal(url: str) -> str:
    with pytest.raises(Unusable) as refused:
        await RedisConnection(url, "aaaaaaaa", EPOCH).start()
    assert "secret" not in str(refused.value)
    return str(refused.value)


async def test_who_is_not_let_in_is_told_why(tmp_path: Path) -> None:
    async with redis_server(tmp_path, requirepass="right") as redis:
        where = f"127.0.0.1:{redis.port}"
        assert await refusal(redis.url) == f"{where} wants a password: redis://:PASSWORD@host:6379"
        assert "does not take this password" in await refusal(f"redis://:secret@{where}")
        assert "does not take this password" in await refusal(f"redis://nobody:secret@{where}")
        async with connected(f"redis://:right@{where}", "a") as a:
            assert await a.call("PING") == b"PONG"


async def test_who_may_not_do_what_is_needed_is_told_so(redis: RedisServer) -> None:
    where = f"127.0.0.1:{redis.port}"
    for name, rights in {"deaf": ["~*", "resetchannels"], "keyless": ["&*", "resetkeys"], "idle": ["-@all"]}.items():
        await redis.call("ACL", "SETUSER", name, "on", ">secret", "~*", "&*", "+@all", *rights)
        assert f"{where} does not let this user do what is needed" in await refusal(f"redis://{name}:secret@{where}")


async def test_a_redis_that_is_full_is_named(redis: RedisServer) -> None:
    await redis.call("CONFIG", "SET", "maxmemory", "1")
    assert "refuses" in await refusal(redis.url)


async def test_over_tls(tmp_path: Path) -> None:
    """As hosts have it: by a certificate that nobody vouches for."""
    openssl = program(["openssl"], "TLS to Redis is not tested")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    made = await asyncio.create_subprocess_exec(
        openssl, *request, "-keyout", "key", "-out", "certificate", cwd=tmp_path, stderr=asyncio.subprocess.DEVNULL
    )
    assert await made.wait() == 0
    options = {"port": "0", "tls_auth_clients": "no", "tls_cert_file": "certificate", "tls_key_file": "key"}
    redis = RedisServer(tmp_path)
    try:
        await redis.begin(**options, tls_port=str(redis.port))
        url = redis.url.replace("redis:", "rediss:")
        assert "has a certificate that nobody vouches for" in await refusal(url)
        async with connected(url, "a", verify=False) as a, connected(f"{url}?ssl_cert_reqs=none", "b") as b:
            assert await a.call("PING") == await b.call("PING") == b"PONG"
        assert "does it want TLS" in await refusal(redis.url)
    finally:
        await redis.kill()


async def test_a_replica_is_none_to_write_to(redis: RedisServer, tmp_path: Path) -> None:
    async with redis_server(tmp_path / "replica", replicaof=f"127.0.0.1 {redis.port}") as replica:
        assert "is a replica" in await refusal(replica.url)


async def test_a_primary_that_becomes_a_replica_is_left(redis: RedisServer, tmp_path: Path) -> None:
    async with redis_server(tmp_path / "other") as other, connected(redis.url, "a") as a:
        await redis.call("REPLICAOF", "127.0.0.1", str(other.port))
        await until(lambda: not a.is_connected)
        await redis.call("REPLICAOF", "NO", "ONE")
        await until(lambda: a.is_connected)


async def test_whatever_is_no_redis_of_today_is_named(redis: RedisServer) -> None:
    where = f"127.0.0.1:{redis.port}"
    assert "wants no password" in await refusal(f"redis://:secret@{where}")
    assert "cannot be reached" in await refusal(f"redis://127.0.0.1:{free_port()}")
    assert "cannot be reached" in await refusal("redis://there.is.no.such.host.invalid")
    assert "option" in await refusal(f"{redis.url}?colour=red")
    async with not_redis(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert "not as Redis does" in await refusal(url)
    async with not_redis(b"-ERR unknown command\r\n") as url:
        assert "cannot be reached" in await refusal(url.replace("redis:", "rediss:")), "it speaks no TLS"
    async with not_redis(b"-ERR unknown command 'CLIENT'\r\n-ERR unknown command `HELLO`\r\n") as url:
        assert "older than Redis 6" in await refusal(url)


async def test_something_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.live.redis.address.CONNECT_TIMEOUT_S", 0.2)
    async with not_redis() as url:
        assert (await refusal(url)).endswith("did not answer within 0.2 s")


async def test_tls_where_there_is_none_and_none_where_there_is_is_guessed(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.live.redis.address.CONNECT_TIMEOUT_S", 0.2)
    assert (await refusal(redis.url.replace("redis:", "rediss:"))).endswith("; does it speak TLS, as rediss:// says?")
    async with not_redis(b"\x15\x03\x03\x00\x02\x02\x46", hangs_up=True) as url:  # an alert, as OpenSSL sends it
        assert (await refusal(url)).endswith("answers, but not as Redis does; does it want TLS (rediss://)?")
    async with not_redis(hangs_up=True) as url:
        assert (await refusal(url)).endswith("; does it want TLS (rediss://)?")


async def test_one_that_is_not_there_is_awaited_where_it_is_not_required(tmp_path: Path) -> None:
    redis = RedisServer(tmp_path)
    connection = RedisConnection(redis.url, "aaaaaaaa", EPOCH)
    await connection.start(required=False)
    try:
        assert not connection.is_connected
        await redis.begin()
        await until(lambda: connection.is_connected)
    finally:
        await connection.close()
        await redis.kill()


async def test_valkey_by_its_own_name(redis: RedisServer) -> None:
    async with connected(redis.url.replace("redis://", "valkey://"), "a") as a:
        assert await a.call("PING") == b"PONG"
