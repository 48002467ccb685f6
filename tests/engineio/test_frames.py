"""WebSocket frames by the letter (RFC 6455, 5), each judged by a peer implementation too: the `websockets` library."""

import os
import random
from collections.abc import Iterator

import pytest
from websockets.frames import Frame as PeerFrame
from websockets.frames import Opcode
from websockets.protocol import SERVER, Protocol, State

from app.engineio import frames
from app.engineio.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, BadFrame
from app.engineio.frames import FrameReader as Reader
from tests.support.mounted import Mounted
from tests.support.raw import UPGRADE, Line, head
from tests.support.talker import until

LIMIT = 1_000_000
FIN = 0x80
SIZES = (0, 1, 2, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537, 200_000)


def sent(payload: bytes, opcode: int = TEXT, *, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """A frame as a client sends it."""
    first, mask, size = (FIN if fin else 0) | reserved | opcode, 0x80 if masked else 0, len(payload)
    if size < 126:
        start = bytes((first, mask | size))
    elif size < 65_536:
        start = bytes((first, mask | 126)) + size.to_bytes(2)
    else:
        start = bytes((first, mask | 127)) + size.to_bytes(8)
    return start + (with_mask(payload, os.urandom(4)) if masked else payload)


def with_mask(payload: bytes, key: bytes) -> bytes:
    """The key, and each byte XORed with one of its four in turn."""
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return key + (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(len(payload))


def closing(code: int, reason: bytes = b"") -> bytes:
    return sent(code.to_bytes(2) + reason, CLOSE)


def ours(data: bytes, step: int) -> tuple[list[tuple[int, bytes]], int | None]:
    """What we make of it, arriving in pieces of `step` bytes: messages and pings, and the code of the end, if any."""
    reader, heard = Reader(LIMIT), []
    try:
        for start in range(0, len(data), step):
            for opcode, payload in reader.feed(data[start : start + step]):
                if opcode == CLOSE:
                    return heard, frames.close_code(payload)
                if opcode == TEXT:
                    frames.as_text(payload)
                if (opcode, payload) != frames.PART:
                    heard.append((opcode, payload))
    except BadFrame as bad:
        return heard, bad.code
    return heard, None


def theirs(data: bytes, step: int) -> tuple[list[tuple[int, bytes]], int | None]:
    """What the peer implementation makes of it."""
    peer, heard = Protocol(SERVER, state=State.OPEN, max_size=LIMIT), []
    whole: list[PeerFrame] = []
    for start in range(0, len(data), step):
        peer.receive_data(data[start : start + step])
        for one in peer.events_received():
            if one.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                whole.append(one)
                if one.fin:
                    payload = b"".join(part.data for part in whole)
                    if whole[0].opcode is Opcode.TEXT:
                        try:
                            payload.decode()
                        except UnicodeDecodeError:  # left to its callers
                            return heard, frames.BAD_TEXT
                    heard.append((int(whole[0].opcode), payload))
                    whole = []
            elif one.opcode in (Opcode.PING, Opcode.PONG):
                heard.append((int(one.opcode), one.data))
        if peer.close_sent is not None:
            return heard, peer.close_sent.code
        if peer.close_rcvd is not None:
            return heard, peer.close_rcvd.code
    return heard, None


FINE = {
    **{f"text of {size}": sent(b"x" * size) for size in SIZES},
    **{f"bytes of {size}": sent(os.urandom(size), BINARY) for size in SIZES},
    "several in one piece": sent(b"one") + sent(b"two") + sent(b"", BINARY) + sent(b"three"),
    "fragments": sent(b"a", fin=False) + sent(b"b", CONTINUATION, fin=False) + sent(b"c", CONTINUATION),
    "empty fragments": sent(b"", fin=False) + sent(b"", CONTINUATION, fin=False) + sent(b"", CONTINUATION),
    "a ping between fragments": sent(b"a", fin=False) + sent(b"?", PING) + sent(b"b", CONTINUATION),
    "a character cut between fragments": sent("ü".encode()[:1], fin=False) + sent("ü".encode()[1:], CONTINUATION),
    "a ping with 125 bytes": sent(b"p" * 125, PING),
    "a pong nobody asked for": sent(b"!", PONG),
    "a close without a code": sent(b"", CLOSE),
    **{f"close {code}": closing(code, b"bye") for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4999)},
}
BAD = {
    "not masked": sent(b"x", masked=False),
    "reserved bit 1": sent(b"x", reserved=0x40),
    "reserved bit 2": sent(b"x", reserved=0x20),
    "reserved bit 3": sent(b"x", reserved=0x10),
    **{f"reserved opcode {code:x}": sent(b"x", code) for code in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)},
    "a ping in fragments": sent(b"x", PING, fin=False),
    "a ping of 126 bytes": sent(b"x" * 126, PING),
    "a close of 126 bytes": sent(b"x" * 126, CLOSE),
    "a continuation of nothing": sent(b"x", CONTINUATION),
    "a new message within another": sent(b"a", fin=False) + sent(b"b"),
    "a close with half a code": sent(b"\x03", CLOSE),
    **{f"close {code}": closing(code) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_535)},
    "a close whose reason is no text": closing(1000, b"\xff"),
    "text that is not UTF-8": sent(b"\xff\xfe"),
    "a surrogate": sent(b"\xed\xa0\x80"),
    "a character cut off": sent(b"\xf0\x9f\x91"),
    "a message over the limit": sent(b"x" * (LIMIT + 1)),
    "fragments over the limit": sent(b"x" * 600_000, fin=False) + sent(b"x" * 600_000, CONTINUATION),
    "a length of eight bytes over the limit": bytes((FIN | TEXT, 0x80 | 127)) + (2**40).to_bytes(8) + b"keys",
}


def steps(data: bytes) -> Iterator[int]:
    """Whole, in large pieces, and byte by byte where that does not take for ever."""
    yield max(len(data), 1)
    yield max(len(data) // 2, 1)
    yield 1_460
    if len(data) < 1_000:
        yield from (1, 2, 3)


@pytest.mark.parametrize("name", FINE)
def test_what_is_allowed_is_heard_as_the_peer_hears_it(name: str) -> None:
    data = FINE[name]
    for step in steps(data):
        assert ours(data, step) == theirs(data, step), step
    heard, code = ours(data, len(data))
    assert heard or code, "something came of it"


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_allowed_is_closed_with_the_peer_s_code(name: str) -> None:
    data = sent(b"before") + BAD[name] + sent(b"behind")
    for step in steps(data):
        heard, code = ours(data, step)
        assert (heard, code) == theirs(data, step), step
        assert heard == [(TEXT, b"before")]
        assert code in (frames.PROTOCOL_ERROR, frames.BAD_TEXT, frames.TOO_BIG)


def test_a_thousand_conversations_cut_anywhere_are_heard_alike() -> None:
    dice = random.Random(6455)
    scripts = [*FINE.values(), *BAD.values()]
    small = [one for one in scripts if len(one) < 1_000]
    for _ in range(1_000):
        data = b"".join(dice.choices(small, k=dice.randint(1, 6)))
        step = dice.randint(1, len(data))
        assert ours(data, step) == theirs(data, step), data.hex()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_what_we_send_is_a_frame_to_the_peer(size: int, opcode: int) -> None:
    payload = b"x" * size
    peer = Protocol(SERVER, state=State.OPEN, max_size=None)
    reader = peer.reader
    reader.feed_data(frames.frame(payload, opcode))
    parse = PeerFrame.parse(reader.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(parse)
    assert (done.value.value.opcode, done.value.value.data, done.value.value.fin) == (opcode, payload, True)


# --- over a real socket ---


async def opened(line: Line) -> None:
    await line.write(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE))
    assert (await line.answer()).status == 101
    first, size = await line.reader.readexactly(2)
    assert first == FIN | TEXT
    await line.reader.readexactly(size if size < 126 else int.from_bytes(await line.reader.readexactly(2)))


async def frame_from(line: Line) -> tuple[int, bytes]:
    first, size = await line.reader.readexactly(2)
    return first & 0x0F, await line.reader.readexactly(size)


@pytest.mark.parametrize("name", [name for name in BAD if len(BAD[name]) < 1_000])
async def test_over_the_wire_it_is_closed_with_that_code_and_the_connection_ends(mounted: Mounted, name: str) -> None:
    async with await Line.to(mounted.url) as line:
        await opened(line)
        await line.write(BAD[name])
        opcode, payload = await frame_from(line)
        assert (opcode, int.from_bytes(payload)) == (CLOSE, theirs(BAD[name], 10_000)[1])
        await line.write(sent(payload, CLOSE))
        line.writer.write_eof()
        await line.ends()
        assert mounted.left() == {}


async def test_a_peer_that_never_answers_the_close_is_cut(mounted: Mounted) -> None:
    async with await Line.to(mounted.url) as line:
        await opened(line)
        await line.write(BAD["not masked"])
        assert (await frame_from(line))[0] == CLOSE
        await line.ends()
        assert mounted.left() == {}


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_close_is_answered_with_its_code(mounted: Mounted, code: int) -> None:
    async with await Line.to(mounted.url) as line:
        await opened(line)
        await line.write(closing(code))
        assert await frame_from(line) == (CLOSE, code.to_bytes(2))
        await line.ends()


async def test_a_ping_is_answered_even_between_fragments_that_come_byte_by_byte(mounted: Mounted) -> None:
    async with await Line.to(mounted.url) as line:
        await opened(line)
        data = sent(b"4", fin=False) + sent(b"are you there", PING) + sent(b"0", CONTINUATION)
        await line.write(*(bytes((byte,)) for byte in data))
        assert await frame_from(line) == (PONG, b"are you there")
        opcode, payload = await frame_from(line)
        assert (opcode, payload[:2]) == (TEXT, b"40")


async def test_what_comes_in_one_segment_with_the_handshake_is_heard(mounted: Mounted) -> None:
    async with await Line.to(mounted.url) as line:
        await line.write(head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE) + sent(b"40"))
        assert (await line.answer()).status == 101
        assert b"40{" in await line.reader.readuntil(b"40{")


async def test_what_comes_right_behind_the_handshake_stays_in_order(mounted: Mounted) -> None:
    """Some of it in one segment with it, some right after: the later must not be read first."""
    heard: list[str] = []
    mounted.server.on("connect", lambda *_: None)
    mounted.server.on("say", lambda _sid, word: heard.append(word))
    for _ in range(20):
        async with await Line.to(mounted.url) as line:
            start = head("GET", "/socket.io/?EIO=4&transport=websocket", UPGRADE) + sent(b"40") + sent(b'42["say","a"]')
            before = len(heard)
            await line.write(start, sent(b'42["say","b"]'), sent(b'42["say","c"]'))
            await until(lambda before=before: len(heard) - before == 3)
    assert heard == ["a", "b", "c"] * 20


async def test_a_message_comes_in_a_thousand_fragments_at_most() -> None:
    """Each costs more than the byte that it may hold, or the none."""
    reader = Reader(1_000)
    list(reader.feed(sent(b"", fin=False) + sent(b"", CONTINUATION, fin=False) * (frames.MAX_FRAGMENTS - 1)))
    with pytest.raises(BadFrame) as refusal:
        list(reader.feed(sent(b"", CONTINUATION)))
    assert refusal.value.code == frames.TOO_BIG


def test_a_ping_is_no_part_of_the_message_it_interrupts() -> None:
    """Here the peer implementation closes; RFC 6455, 5.4 lets control frames come in between."""
    whole = b"x" * (LIMIT - 10) + b"y" * 10
    data = sent(whole[:-10], fin=False) + sent(b"p" * 100, PING) + sent(whole[-10:], CONTINUATION)
    assert ours(data, len(data)) == ([(PING, b"p" * 100), (TEXT, whole)], None)
