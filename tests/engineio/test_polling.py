"""HTTP long-polling: every byte of a body is read, every packet is taken or refused, no poll is left hanging."""

import asyncio
import zlib
from typing import Any

import aiohttp
import pytest

from tests.support.mounted import Mount, Mounted, on_both
from tests.support.raw import SEPARATOR, Gone, Line, Polls, head
from tests.support.talker import until

LONG = "x" * 10_000


async def deaf(mounted: Mounted) -> list[Any]:
    """What the server hears of `said` events."""
    heard: list[Any] = []

    async def said(_sid: str, value: Any) -> None:
        heard.append(value)

    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("said", said)
    return heard


def post_head(polls: Polls, **headers: str) -> bytes:
    return head("POST", polls.address.removeprefix(polls.url), headers)


@on_both
async def test_a_body_in_two_segments_is_read_to_its_end(mount: Mount) -> None:
    """The stock server reads what has come so far, answers 200 and loses the rest."""
    mounted = await mount()
    heard = await deaf(mounted)
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await polls.join()
        body = f'42["said","{LONG}"]'.encode()
        await line.write(post_head(polls, Content_Length=str(len(body))) + body[:5_000])
        await until(lambda: mounted.is_awaiting_body)
        await line.write(body[5_000:])
        assert (await line.answer()).body.lower() == b"ok"
        await until(lambda: heard)
    assert heard == [LONG]


async def test_a_body_in_a_hundred_segments_is_read_to_its_end(mounted: Mounted) -> None:
    heard = await deaf(mounted)
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await polls.join()
        body = f'42["said","{LONG}ü"]'.encode()
        pieces = [body[n : n + 100] for n in range(0, len(body), 100)]
        await line.write(post_head(polls, Content_Length=str(len(body))), *pieces)
        assert (await line.answer()).body == b"ok"
        await until(lambda: heard)
    assert heard == [f"{LONG}ü"]


@on_both
async def test_a_chunked_body_is_read_to_its_end(mount: Mount) -> None:
    mounted = await mount()
    heard = await deaf(mounted)
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await polls.join()
        chunks = [b'42["said",', b'"in chunks', b'"]', b""]
        encoded = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
        await line.write(post_head(polls, Transfer_Encoding="chunked"), *encoded)
        assert (await line.answer()).status == 200
        await until(lambda: heard)
    assert heard == ["in chunks"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity"])
async def test_a_compressed_body_is_refused(mounted: Mounted, encoding: str) -> None:
    """No client of ours sends one, and a kilobyte may hold half a million packets."""
    async with mounted.polls() as polls:
        status, sentence = await polls.post(zlib.compress(b"4" + b"x" * 20_000_000), **{"Content-Encoding": encoding})
        assert (status, "Compressed bodies are not read here" in sentence) == (415, True)
        assert await polls.send("3") == (200, "ok"), "the session lives"


async def test_more_than_a_thousand_packets_in_one_post_end_the_session(mounted: Mounted) -> None:
    async with mounted.polls() as polls:
        assert (await polls.send(*["3"] * 1_001))[0] == 400
        await until(lambda: mounted.left() == {})


@on_both
async def test_a_thousand_packets_in_one_post_are_all_taken(mount: Mount) -> None:
    """After a reconnect the JavaScript client sends all it kept in one POST; the stock server takes 16 packets."""
    mounted = await mount()
    heard = await deaf(mounted)
    async with mounted.polls() as polls:
        await polls.join()
        status, _ = await polls.send(*(f'42["said",{n}]' for n in range(1_000)))
        assert status == 200
        await until(lambda: len(heard) == 1_000)
    assert heard == list(range(1_000))


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_post_over_the_limit_is_refused_and_the_session_lives(mount: Mount, chunked: bool) -> None:
    mounted = await mount(max_payload=5_000)
    heard = await deaf(mounted)
    async with mounted.polls() as polls:
        await polls.join()

        async def pieces() -> Any:
            yield b'42["said","'
            yield b"x" * 5_000
            yield b'"]'

        body = pieces() if chunked else f'42["said","{LONG}"]'
        async with mounted.http.post(polls.address, data=body) as response:
            assert (response.status, await response.json()) == (413, {"code": 3, "message": "More than 5000 bytes"})
        await polls.send('42["said","short"]')
        await until(lambda: heard)
    assert heard == ["short"]


@on_both
async def test_a_post_is_answered_ok(mount: Mount) -> None:
    async with (await mount()).polls() as polls:
        assert await polls.send("3") == (200, "ok")


@on_both
@pytest.mark.parametrize("body", [b"abc", b"", b"4\xff", b"40\x1e", b"40\x1e\x1e3", b"b!!!!", b"d=40"])
async def test_a_payload_that_cannot_be_read_is_refused_whole(mount: Mount, body: bytes) -> None:
    mounted = await mount()
    await deaf(mounted)
    async with mounted.polls() as polls:
        status, _ = await polls.post(body)
        assert status == 400
        assert (await polls.poll())[0] == 400, "the session is over"
        await until(lambda: mounted.left() == {})


async def test_binary_packets_are_carried_as_base64(mounted: Mounted) -> None:
    @mounted.server.on("twice")
    async def twice(_sid: str, data: bytes) -> bytes:
        return data * 2

    mounted.server.on("connect", lambda *_: None)
    async with mounted.polls() as polls:
        await polls.join()
        await polls.send('451-7["twice",{"_placeholder":true,"num":0}]', b"\x00\xff")
        assert await polls.hears() == '461-7[{"_placeholder":true,"num":0}]'
        assert await polls.packet() == "bAP8A/w=="


async def test_what_waits_comes_in_order_however_many_polls_it_takes(mounted: Mounted) -> None:
    await deaf(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        for n in range(100):
            await mounted.server.emit("news", n, to=sid)
        _, first = await polls.poll()
        assert len(first.split(SEPARATOR)) <= 16, "python-engineio's client takes no more at once"
        polls.come += first.split(SEPARATOR)
        assert await polls.events(100) == [["news", n] for n in range(100)]


@on_both
async def test_two_polls_at_once_end_the_session(mount: Mount) -> None:
    mounted = await mount()
    async with mounted.polls() as polls:
        first = asyncio.create_task(polls.poll())
        await until(lambda: mounted.asked.count("GET polling") == 2)
        assert (await polls.poll())[0] == 400
        assert await first == (200, "1")
        assert (await polls.poll())[0] == 400


async def test_two_posts_at_once_end_the_session(mounted: Mounted) -> None:
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await line.write(post_head(polls, Content_Length="4") + b"40")
        await until(lambda: mounted.is_awaiting_body)
        assert (await polls.send("3"))[0] == 400
        assert (await polls.poll())[0] == 400


async def test_a_post_that_breaks_off_ends_the_session(mounted: Mounted) -> None:
    """Half of its packets may have been taken: the client has to know, and asks again for what was not answered."""
    async with mounted.polls() as polls:
        async with await Line.to(mounted.url) as line:
            await line.write(post_head(polls, Content_Length="4") + b"40")
            await until(lambda: mounted.is_awaiting_body)
        await until(lambda: mounted.left() == {})


@pytest.mark.parametrize("hold", [0, 20])
async def test_a_poll_is_held_no_longer_than_it_asks_for(mounted: Mounted, hold: int) -> None:
    """A browser has six connections to a host: its seventh tab must not wait for news."""
    await deaf(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        for number in range(3):
            assert await asked_to_hold(polls, hold) == (200, "6")
            await mounted.server.emit("news", number, to=sid)
            assert await asked_to_hold(polls, hold) == (200, f'42["news",{number}]')


async def test_a_poll_that_asks_to_be_held_for_long_brings_what_comes_meanwhile(mounted: Mounted) -> None:
    await deaf(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        waiting = asyncio.create_task(asked_to_hold(polls, 60_000))
        await until(lambda: mounted.server.engine.sessions[polls.sid].transport.held)
        await mounted.server.emit("news", 1, to=sid)
        assert await waiting == (200, '42["news",1]')


@pytest.mark.parametrize("hold", ["", "-1", "1.5", "soon", "1000000", "\u0661"])
async def test_a_hold_that_is_no_number_of_milliseconds_is_refused_and_the_session_lives(
    mounted: Mounted, hold: str
) -> None:
    async with mounted.polls() as polls:
        status, sentence = await asked_to_hold(polls, hold)
        assert (status, "hold is a number of milliseconds" in sentence) == (400, True)
        assert await asked_to_hold(polls, 0) == (200, "6")


async def asked_to_hold(polls: Polls, hold: str | int) -> tuple[int, str]:
    async with polls.http.get(polls.address, params={"hold": hold}) as response:
        return response.status, await response.text()


@on_both
async def test_a_poll_is_let_go_when_its_client_leaves(mount: Mount) -> None:
    mounted = await mount()
    async with mounted.polls() as polls:
        waiting = asyncio.create_task(polls.poll())
        await until(lambda: mounted.asked.count("GET polling") == 2)
        assert (await polls.send("1"))[0] == 200
        assert await waiting == (200, "6")
        assert (await polls.poll())[0] == 400


@on_both
async def test_an_aborted_poll_ends_the_session(mount: Mount) -> None:
    """What it would have brought is lost, so the client has to know: it comes back and catches up."""
    mounted = await mount()
    await deaf(mounted)
    async with mounted.polls() as polls:
        sid = await polls.join()
        async with await Line.to(mounted.url) as line:
            await line.write(head("GET", polls.address.removeprefix(polls.url), {}))
            await until(lambda: mounted.asked.count("GET polling") == 3)
        await until(lambda: mounted.left() == {})
        await mounted.server.emit("news", to=sid)
        with pytest.raises(Gone):
            await polls.hears()


async def test_a_client_that_never_polls_again_times_out(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.05, ping_timeout=0.05)
    async with mounted.polls() as polls:
        await until(lambda: mounted.left() == {})
        with pytest.raises(Gone):
            await polls.packet()


async def test_one_poll_brings_one_ping_and_lives_on_pongs(mount: Mount) -> None:
    mounted = await mount(ping_interval=0.05, ping_timeout=1)
    async with mounted.polls() as polls:
        for _ in range(3):
            assert await polls.poll() == (200, "2")
            assert await polls.send("3") == (200, "ok")


async def test_a_keep_alive_connection_serves_polls_and_posts(mounted: Mounted) -> None:
    await deaf(mounted)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as one_connection:
        polls = Polls(one_connection, mounted.url)
        await polls.open()
        sid = await polls.join()
        await mounted.server.emit("news", 1, to=sid)
        assert await polls.event() == ["news", 1]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Origin": "https://elsewhere.test", "Content-Length": "2"}, b"4x", 403),
        ({"Transfer-Encoding": "chunked"}, b"4e20\r\n" + b"4" * 20_000, 413),
        ({"Content-Encoding": "gzip", "Content-Length": "2"}, b"4x", 415),
    ],
    ids=["origin", "too long", "compressed"],
)
async def test_a_post_that_is_refused_once_its_body_comes_leaves_its_place_to_the_next_one(
    mount: Mount, headers: dict[str, str], body: bytes, status: int
) -> None:
    mounted = await mount(max_payload=10_000)
    heard = await deaf(mounted)
    async with mounted.polls() as polls, await Line.to(mounted.url) as line:
        await polls.join()
        await line.write(post_head(polls, **headers))
        if status != 415:  # that one is answered by its head
            await until(lambda: mounted.is_awaiting_body)
        await line.write(body)
        assert (await line.answer()).status == status
        assert await polls.send('42["said","the next one"]') == (200, "ok")
        await until(lambda: heard == ["the next one"])


async def test_a_packet_that_cannot_be_handled_ends_its_post_and_its_session(
    mounted: Mounted, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours: it is logged, and nobody waits for an answer."""
    handled = []

    def fails(_session: Any, data: str | bytes) -> None:
        handled.append(data)
        raise ZeroDivisionError

    async with mounted.polls() as polls:
        mounted.server.engine.on_message = fails
        assert await polls.send("4a", "4b") == (
            400,
            '{"code": 3, "message": "Bad request: a packet could not be handled"}',
        )
    assert handled == ["a"]
    assert mounted.server.engine.sessions == {}
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["a packet could not be handled"]
