"""News of rooms, from process to process: one channel a room, subscribed to while somebody here listens to it.

The packet travels as the sockets get it. Whoever hears it makes a frame of it, once for all sockets, and reads no JSON.
"""

import re
import struct
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import orjson

from app.chat.counts import Reading
from app.engineio import Packet
from app.live.order import HOLE_S
from app.live.redis.connection import RedisConnection
from app.live.redis.frames import BadFrame

NEWS = b"n"
REV = struct.Struct(">Q")  # 0: none
EVENT = re.compile(rb'42\["(message|react|typing|room)",\{')
HAVE_REV = (b"message", b"react")


class Feed(Protocol):
    """Where the news go."""

    def hear(self, room: str, rev: int | None, packet: Packet, rules_rev: int | None = None) -> None: ...

    def look(self, room: str | None = None) -> None: ...


class RedisBus:
    """What the feed calls to tell others (`Bus`), and what calls the feed with what others tell."""

    hole = HOLE_S

    def __init__(self, redis: RedisConnection, feed: Feed) -> None:
        self._redis, self._feed = redis, feed
        redis.on_trouble.append(feed.look)
        redis.on_connected.append(feed.look)

    def publish(self, room: str, rev: int | None, packet: Packet) -> None:
        assert isinstance(packet.data, str)
        self._redis.publish(channel(room), NEWS, REV.pack(rev or 0) + packet.data.encode())

    def listen(self, room: str) -> None:
        def on_body(process: str, body: bytes) -> None:
            self._on_news(room, body)

        self._redis.subscribe(channel(room), NEWS, on_body, partial(self._feed.look, room))

    def ignore(self, room: str) -> None:
        self._redis.unsubscribe(channel(room), NEWS)

    def readings(self) -> Iterator[Reading]:
        counts, redis = self._redis.counts, self._redis
        yield Reading("parlor_redis_connected", "1 while Redis can be used.", redis.is_connected, is_counter=False)
        yield Reading("parlor_redis_subscriptions", "Channels subscribed to.", redis.subscribed, is_counter=False)
        text = "Seconds that the newest news of this process took to come back to it."
        yield Reading("parlor_bus_lag_seconds", text, counts.lag, is_counter=False)
        yield Reading("parlor_bus_published", "News that Redis took.", counts.published)
        yield Reading("parlor_bus_dropped", "News that Redis did not take.", counts.dropped)
        yield Reading("parlor_bus_received", "News of other processes.", counts.received)
        yield Reading("parlor_bus_garbage", "What came from Redis and was none of ours.", counts.garbage)
        yield Reading("parlor_redis_interruptions", "Times that Redis was lost.", redis.outages.count)

    def _on_news(self, room: str, body: bytes) -> None:
        """Raises BadFrame for what this version does not understand."""
        event = EVENT.match(body, REV.size)
        rev = REV.unpack_from(body)[0] if event else 0
        if event is None or bool(rev) != (event[1] in HAVE_REV):
            raise BadFrame("no event of a room")
        try:
            text = body[REV.size :].decode()
            rules_rev = orjson.loads(text[2:])[1]["room"]["rules_rev"] if event[1] == b"room" else None
        except (ValueError, KeyError, TypeError):
            raise BadFrame("no event of a room") from None
        self._feed.hear(room, rev or None, Packet(text), rules_rev)


def channel(room: str) -> str:
    return f"room:{room}"
