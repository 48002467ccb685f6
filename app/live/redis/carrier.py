"""The relay's frames over Redis: each process is subscribed to a channel of its own."""

from collections.abc import Callable

from app.live.redis.connection import RedisConnection, Unusable
from app.live.relay.carriers import OnBody
from app.socketio.queue import Tasks


def channel(process: str) -> str:
    """Where a process hears what others ask it, and answer it."""
    return f"relay:{process}"


class RedisCarrier:
    """A Carrier of app/live/relay."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._on_body: dict[bytes, OnBody] = {}
        self.on_dead: Callable[[str], None] = lambda _: None
        self.on_trouble: Callable[[], None] = lambda: None
        self._checks = Tasks("whether a process lives is not known")
        redis.on_trouble.append(lambda: self.on_trouble())

    @property
    def on_body(self) -> dict[bytes, OnBody]:
        return self._on_body

    @on_body.setter
    def on_body(self, on_body: dict[bytes, OnBody]) -> None:
        self._on_body = on_body
        for kind, call in on_body.items():
            self._redis.subscribe(channel(self._redis.process), kind, call)

    def close(self) -> None:
        """The connection is closed by whoever made it."""

    def reaches(self, process: str) -> bool:
        return self._redis.is_connected

    def send(self, process: str, kind: bytes, body: bytes) -> None:
        self._redis.publish(channel(process), kind, body)

    def check(self, processes: set[str]) -> None:
        """Redis knows at once where a process has ended."""
        self._checks.begin(self._look_for(sorted(processes)))

    async def _look_for(self, processes: list[str]) -> None:
        channels = [self._redis.key(channel(process)) for process in processes]
        try:
            answer = await self._redis.call("PUBSUB", "NUMSUB", *channels)
        except Unusable:
            return  # on_trouble tells, or it may not be asked: then silence does
        for process, count in zip(processes, answer[1::2], strict=True):
            if not count:
                self.on_dead(process)
