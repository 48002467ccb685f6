"""Who sends more than it may is read no faster than it may, and sent away if it never ends; on both loops, over both
transports. Nobody who is only slow, or has much to say at once, is cut."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from typing import Any

import pytest

from app.engineio import EngineServer, Session, Settings, frames, intake
from app.engineio.websocket import READ_BUDGET
from tests.engineio.conftest import Site
from tests.engineio.test_heartbeat import LOOPS
from tests.engineio.test_http import get, opened, post
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

RATE = 20  # points a second
BURST = int(RATE * intake.BURST_S)
SOCKET = "/engine.io/?EIO=4&transport=websocket"


def masked(payload: bytes, opcode: int = frames.TEXT, is_last: bool = True) -> bytes:
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2)
    return bytes([(0x80 if is_last else 0) | opcode]) + size + bytes(4) + payload


FRAGMENT = masked(b"", frames.CONTINUATION, is_last=False)
FLOODS = {
    "messages": masked(b"4x"),
    "pongs": masked(b"3"),
    "websocket pings": masked(b"", frames.PING),
    "websocket pongs": masked(b"", frames.PONG),
    "fragments": masked(b"", is_last=False) + FRAGMENT * 98 + masked(b"6", frames.CONTINUATION),
}


class Heard:
    """A site whose engine regains `rate` points a second; what its sessions have said is in `said`."""

    def __init__(self, rate: float | None) -> None:
        self.engine = EngineServer(Settings(points_per_second=rate))
        self.said: list[str | bytes] = []
        self.closed: list[str] = []
        self.engine.on_message = lambda _, data: self.said.append(data)
        self.engine.on_close = lambda _, reason: self.closed.append(reason)
        self.site = Site(self.engine)

    @property
    def session(self) -> Session:
        return next(iter(self.engine.sessions.values()))

    @property
    def is_held(self) -> bool:
        return self.session.intake._timer is not None

    async def socket(self, of: str = "") -> Line:
        line = await self.site.line()
        await line.write(head("GET", SOCKET + of, UPGRADE))
        await line.reader.readuntil(b"\r\n\r\n" if of else b"}")
        return line


Play = Callable[..., None]


def regained(since: float) -> float:
    """Points, at most, since that moment of `monotonic`."""
    return RATE * (monotonic() - since)


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"][: len(LOOPS)])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Runs a scenario on this loop; a callback that fails, fails the test."""
    failures: list[dict[str, Any]] = []

    def run(scenario: Callable[[Heard], Awaitable[None]], rate: float | None = RATE) -> None:
        async def whole() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
            heard = Heard(rate)
            await heard.site.start()
            try:
                await scenario(heard)
            finally:
                await heard.site.stop()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole())

    yield run
    assert failures == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses last no longer than is needed."""
    monkeypatch.setattr(intake, "HOLD_S", 0.001)
    monkeypatch.setattr(intake, "MAX_HOLD_S", 0.02)


# --- who asks too much ---


@pytest.mark.parametrize("piece", FLOODS.values(), ids=FLOODS.keys())
def test_a_flood_over_a_websocket_is_not_read_until_its_points_are_regained(play: Play, piece: bytes) -> None:
    async def scenario(heard: Heard) -> None:
        began = monotonic()
        async with await heard.socket() as line:
            await line.write(piece * 4_000)
            await until(lambda: heard.is_held)
            assert not heard.said or BURST < len(heard.said) <= BURST + 1 + regained(began)

    play(scenario)


def test_what_waits_behind_a_pause_is_read_after_it(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.socket() as line:
            many = BURST + 10
            await line.write(b"".join(masked(b"4%d" % n) for n in range(many)))
            await until(lambda: len(heard.said) == many)
        assert heard.said == [str(n) for n in range(many)]

    play(scenario)


def test_a_flood_of_packets_in_posts_is_answered_later(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        began = monotonic()
        async with await heard.site.line() as line:
            poll = await opened(line)
            await line.write(post(poll, b"\x1e".join([b"4x"] * (BURST + 20))))
            await until(lambda: heard.is_held)
            assert len(heard.said) <= BURST + regained(began)
            assert (await line.answer()).body == b"ok"
            assert len(heard.said) == BURST + 20

    play(scenario)


def test_polls_that_do_not_wait_wait_all_the_same_once_they_come_too_often(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.site.line() as line:
            poll = await opened(line) + "&hold=0"
            while not heard.session.intake._holds:
                await line.write(get(poll))
                assert (await line.answer()).body == b"6"
            heard.session.intake.hold(1)
            await line.write(get(poll))
            heard.session.send("news")
            assert (await line.answer()).body == b"4news", "what there is to tell is told all the same"
            assert heard.is_held
            await line.write(get(poll))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await line.reader.readexactly(1)

    play(scenario)


def test_polls_that_are_held_are_answered_in_the_end(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.site.line() as line:
            poll = await opened(line) + "&hold=0"
            heard.session.intake.hold(0.01)
            await line.write(get(poll))
            assert (await line.answer()).body == b"6"

    play(scenario)


def test_a_large_packet_costs_more_than_a_small_one(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.site.line() as line:
            poll = await opened(line)
            for _ in range(3):
                await line.write(post(poll, b"4" + b"x" * 900_000))
                assert (await line.answer()).body == b"ok"
            assert heard.is_held

    play(scenario)


@pytest.mark.usefixtures("quick")
def test_who_goes_on_after_many_pauses_is_sent_away(play: Play, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "parlor.engineio")

    async def scenario(heard: Heard) -> None:
        async with await heard.socket() as line:

            async def flood() -> None:
                while True:
                    await line.write(masked(b"3") * 100)

            flooding = asyncio.create_task(flood())
            await line.ends()
            flooding.cancel()
            await asyncio.wait([flooding])
        assert heard.closed == ["transport error"]
        assert heard.engine.sessions == {}

    play(scenario)
    assert [one.getMessage() for one in caplog.records if "went on after 20 pauses" in one.getMessage()]


@pytest.mark.usefixtures("quick")
def test_who_is_quiet_for_a_while_is_as_good_as_new(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "FORGIVEN_S", 0.0)

    async def scenario(heard: Heard) -> None:
        async with await heard.socket():
            for _ in range(2 * intake.MAX_HOLDS):
                heard.session.intake.hold(0.001)
                await until(lambda: not heard.is_held)
            assert heard.closed == []

    play(scenario)


def test_who_is_told_to_wait_and_waits_is_not_held(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.socket():
            heard.session.intake.warn(0.01)
            await asyncio.sleep(0.02)
            heard.session.intake.warn(0.01)
            assert not heard.is_held
            heard.session.intake.warn(0.01)
            assert heard.is_held, "it went on"

    play(scenario)


# --- who does not ---


def test_what_a_slow_network_held_back_may_come_at_once(play: Play) -> None:
    """Half a minute of heartbeats, an outbox of 260, and every answer that it waited for."""

    async def scenario(heard: Heard) -> None:
        async with await heard.socket() as line:
            outbox = b"".join(masked(b'42%d["send",{}]' % n) for n in range(260))
            await line.write((masked(b"3") + masked(b"", frames.PONG)) * 30 + outbox + masked(b"43") * 50)
            await until(lambda: len(heard.said) == 310)
            assert not heard.is_held

    play(scenario, rate=200)


def test_without_a_rate_everything_is_read(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.socket() as line:
            await line.write(masked(b"4x") * 5_000)
            await until(lambda: len(heard.said) == 5_000)
            heard.session.intake.warn(1)
            heard.session.intake.warn(1)
            assert not heard.is_held

    play(scenario, rate=None)


# --- together with other pauses ---


def test_a_client_is_read_again_when_neither_its_queue_nor_its_points_forbid_it(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.socket() as line:
            session = heard.session
            session.intake.pause()
            session.intake.hold(0.01)
            await until(lambda: not heard.is_held)
            await line.write(masked(b"4early"))
            async with await heard.site.line() as other:  # a whole exchange of another's
                await opened(other)
            assert heard.said == [], "its queue is full"
            session.intake.hold(0.2)
            session.intake.resume()
            async with await heard.site.line() as other:
                await opened(other)
            assert heard.said == [] or not heard.is_held
            await until(lambda: heard.said == ["early"])

    play(scenario)


@pytest.mark.parametrize("pauses", ["queue", "points"])
def test_a_pause_outlives_an_upgrade_and_the_post_that_it_held_is_answered(play: Play, pauses: str) -> None:
    async def scenario(heard: Heard) -> None:
        def receive(session: Session, data: str | bytes) -> None:
            heard.said.append(data)
            if data == "2":
                session.intake.pause() if pauses == "queue" else session.intake.hold(0.2)

        heard.engine.on_message = receive
        async with await heard.site.line() as posting, await heard.site.line() as polling:
            poll = await opened(polling)
            session = heard.session
            await posting.write(post(poll, b"\x1e".join(b"4%d" % n for n in range(1, 6))))
            await until(lambda: len(heard.said) == 2)
            await polling.write(get(poll))
            async with await heard.socket(poll[poll.index("&sid=") :]) as line:
                await line.write(masked(b"2probe"))
                await line.reader.readuntil(b"3probe")
                await polling.answer()
                await line.write(masked(b"5") + masked(b"4over the WebSocket"))
                assert (await posting.answer()).body == b"ok"
                assert heard.said == ["1", "2", "3", "4", "5"] or not heard.is_held
                if pauses == "queue":
                    session.intake.resume()
                await until(lambda: heard.said[5:] == ["over the WebSocket"])

    play(scenario)


def test_a_post_that_waits_is_answered_when_its_session_ends(play: Play) -> None:
    async def scenario(heard: Heard) -> None:
        async with await heard.site.line() as line:
            poll = await opened(line)
            session = heard.session
            session.intake.hold(10)
            await line.write(post(poll, b"4a\x1e4b"))
            await until(lambda: session.transport.posts._post)  # type: ignore[attr-defined]
            session.fail()
            assert (await line.answer()).status == 200
            assert heard.said == []

    play(scenario)


# --- a tick ---


@pytest.mark.parametrize("piece", FLOODS.values(), ids=FLOODS.keys())
def test_of_one_connection_so_many_frames_are_read_in_a_tick(play: Play, piece: bytes) -> None:
    """Fragments, control frames and unasked answers among them."""

    async def scenario(heard: Heard) -> None:
        whole = 1 if len(piece) > 100 else 100
        async with await heard.socket() as line:
            before = heard.engine.ticks.current()
            await line.write(piece * whole * 10 + masked(b"4end"))
            await until(lambda: heard.said[-1:] == ["end"])
            assert heard.engine.ticks.current() - before >= 10 * 100 // READ_BUDGET

    play(scenario, rate=None)


def test_beside_many_busy_peers_each_has_less_of_a_tick_and_one_step_at_least(play: Play) -> None:
    """A tick that has lasted its time is over for whoever has had something of it."""

    async def scenario(heard: Heard) -> None:
        loop, ends = asyncio.get_running_loop(), 0.0

        def receive(_session: Session, data: str | bytes) -> None:
            nonlocal ends
            ends = loop.time() + work_s
            while loop.time() < ends:  # each packet is work for so long
                pass
            heard.said.append(data)

        work_s = 0.006
        heard.engine.on_message = receive
        async with await heard.socket() as one, await heard.socket() as other:
            await asyncio.gather(one.write(masked(b"4one") * 20), other.write(masked(b"4other") * 20))
            await until(lambda: len(heard.said) == 40)
        longest = max(len(run) for run in "".join(word[1] for word in map(str, heard.said)).split("t"))
        assert longest <= 3, "they took turns"

    play(scenario, rate=None)


def test_who_spends_just_what_it_may_at_once_is_not_held(play: Play) -> None:
    """However many small sums that is."""

    async def scenario(heard: Heard) -> None:
        async with await heard.socket():
            session = heard.session
            session.intake._due = 0.0
            for _ in range(BURST):
                session.intake.charge(1)
            assert not heard.is_held, "held by a rounding error"

    play(scenario)
