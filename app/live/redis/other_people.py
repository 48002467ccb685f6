"""The people of other processes, in the rooms to which somebody here listens.

A room is read once when somebody here begins to listen to it, from then on its channel says what changes. Frames are
numbered: what was missed is found when the next one comes, and the room is read again of that process alone.
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from app.chat import Chat, people
from app.chat.presence.elsewhere import Elsewhere
from app.live.redis import shapes
from app.live.redis.bus import channel
from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.frames import BadFrame
from app.live.redis.own_people import key_of
from app.model import Profile
from app.socketio.queue import Tasks

LINGER_S = 10.0  # for which a room that nobody here listens to any more is followed: a page may be loaded anew
PEOPLE_AT_ONCE = 250  # put into a room in one step of the loop

Frame = tuple[int, int, list[shapes.Change]]


@dataclass
class _Room:
    """What is known of a room. last: the number of the last frame, by process. waiting: frames that came while the room
    was read, by process. again: processes of which it is to be read once more. known: set once it was read of all."""

    name: str
    last: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, list[Frame]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)
    known: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.TimerHandle | None = None


class OtherPeople:
    def __init__(self, redis: RedisConnection, chat: Chat) -> None:
        self.elsewhere = Elsewhere(chat.presence)
        self.processes: set[str] = set()  # that live, besides this one
        self._redis, self._chat = redis, chat
        self._rooms: dict[str, _Room] = {}
        self._tasks = Tasks("who is in a room elsewhere could not be read")

    def follow(self, room: str) -> None:
        """Somebody here listens to it."""
        if here := self._rooms.get(room):
            if here.ending:
                here.ending.cancel()
                here.ending = None
            return
        self._rooms[room] = here = _Room(room)
        self._chat.presence.rooms.known.add(room)
        on_body = partial(self._on_frame, here)
        self._redis.subscribe(channel(room), shapes.CAME, on_body, partial(self._read_all, here))

    def unfollow(self, room: str) -> None:
        """Soon, if nobody here listens to it again until then."""
        if (here := self._rooms.get(room)) and here.ending is None:
            here.ending = asyncio.get_running_loop().call_later(LINGER_S, self._end, here)

    def _end(self, here: _Room) -> None:
        del self._rooms[here.name]
        self._chat.presence.rooms.known.discard(here.name)
        self._redis.unsubscribe(channel(here.name), shapes.CAME)
        self.elsewhere.drop_room(here.name)

    async def wait_known(self, room: str) -> None:
        here = self._rooms.get(room)
        if here and self.processes and self._redis.is_connected and not here.known.is_set():
            await here.known.wait()

    def read_again(self) -> None:
        """Redis is back: nothing could be read meanwhile, though channels may have been open."""
        for here in self._rooms.values():
            self._read_all(here)

    def appeared(self, process: str) -> None:
        """A process has begun, or has written everything anew."""
        self.processes.add(process)
        for here in self._rooms.values():
            self._read(here, process)

    def gone(self, process: str, grace: float) -> None:
        """The rooms wait for its people for `grace` seconds."""
        self.processes.discard(process)
        for here in self._rooms.values():
            here.last.pop(process, None)
        self.elsewhere.drop(process, grace)

    def stop(self) -> None:
        self._tasks.cancel()
        for here in self._rooms.values():
            if here.ending:
                here.ending.cancel()

    # --- frames ---

    def _on_frame(self, here: _Room, process: str, body: bytes) -> None:
        """Raises BadFrame."""
        frame = shapes.read_changes(body)
        if process in here.waiting:
            here.waiting[process].append(frame)
        elif not self._apply(here, process, frame):
            self._read(here, process)

    def _apply(self, here: _Room, process: str, frame: Frame) -> bool:
        """False where frames before this one were missed."""
        before, number, changes = frame
        last = here.last.get(process, 0)
        if number <= last:
            return True
        if before != last:
            return False
        here.last[process] = number
        for id, nickname, reserved, rev, grace, *there in changes:
            if grace is None:
                about, away = shapes.about_of(there[0] if there else {})
                self._join(process, here.name, Profile(id, nickname, reserved, rev, about), away)
            else:
                self.elsewhere.leave(process, here.name, id, grace)
        if not self.elsewhere.people(process, here.name):
            here.last.pop(process, None)  # the process forgets the number of an empty room as well
        return True

    def _join(self, process: str, room: str, profile: Profile, away: bool) -> None:
        people.hear_profile(self._chat, profile)
        self.elsewhere.join(process, room, profile, away)

    # --- reading a room ---

    def _read(self, here: _Room, *processes: str) -> None:
        """What these processes have there."""

        async def read() -> None:
            await asyncio.gather(*(self._read_until_whole(here, one) for one in processes))
            here.known.set()

        self._tasks.begin(read())

    def _read_all(self, here: _Room) -> None:
        """The channel is open: what was told before was missed."""
        self._read(here, *self.processes)

    async def _read_until_whole(self, here: _Room, process: str) -> None:
        if process in here.waiting:
            here.again.add(process)
            return
        here.again.add(process)
        while process in here.again:
            here.again.discard(process)
            here.waiting[process] = []
            try:
                await self._read_one(here, process)
            except Unusable:  # it is read again when Redis is back, and that may have been asked for by now
                continue
            finally:
                waiting = here.waiting.pop(process)
            if not all(self._apply(here, process, frame) for frame in waiting):
                here.again.add(process)

    async def _read_one(self, here: _Room, process: str) -> None:
        """Raises Unusable."""
        redis = self._redis
        key = key_of(redis, process, here.name)
        is_written, found = await asyncio.gather(
            redis.call("GET", redis.key(f"alive:{process}")), redis.call("HGETALL", key)
        )
        if is_written is None or process not in self.processes:
            return  # Redis was empty, and the process has not written anew: it says so when it has
        number, profiles = _parse(dict(zip(found[::2], found[1::2], strict=False)))
        for id in self.elsewhere.people(process, here.name) - profiles.keys():
            self.elsewhere.leave(process, here.name, id)
        for some in shapes.some_at_a_time(profiles.values(), PEOPLE_AT_ONCE):
            for profile, away in some:
                self._join(process, here.name, profile, away)
            await asyncio.sleep(0)
        here.last[process] = number


def _parse(found: dict[bytes, bytes]) -> tuple[int, dict[str, tuple[Profile, bool]]]:
    """The number of the last frame, and the people, with whether they are away there. What is none of ours is passed
    over."""
    number = found.pop(b"", b"0")
    profiles: dict[str, tuple[Profile, bool]] = {}
    for key, value in found.items():
        try:
            id = shapes.read_id(key)
            nickname, reserved, rev, *there = shapes.read_entry(value)
            about, away = shapes.about_of(there[0] if there else {})
            profiles[id] = Profile(id, nickname, reserved, rev, about), away
        except (BadFrame, UnicodeDecodeError):
            continue
    return int(number) if number.isdigit() else 0, profiles
