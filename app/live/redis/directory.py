"""The directory of people over all processes: each tells the others by Redis who is with it, and that it lives."""

import asyncio
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

from app.chat import Chat, direct, ignoring, moderation, people, reading
from app.chat.counts import Reading
from app.chat.presence.state import OnlinePerson
from app.live.redis import shapes
from app.live.redis.connection import RedisConnection, Unusable
from app.live.redis.heartbeats import Heartbeats
from app.live.redis.other_people import OtherPeople
from app.live.redis.own_people import OwnPeople
from app.model import Profile
from app.socketio.queue import Tasks

log = logging.getLogger("parlor.directory")

KNOWN_TIMEOUT_S = 0.3  # for a join to wait until it is known who is in the room, here and elsewhere
CLOSE_TIMEOUT_S = 0.3  # for Redis to take the last words
PEOPLE = "people"  # the channel of how somebody is called


class RedisDirectory:
    """The chat's Directory where there is a Redis."""

    def __init__(self, redis: RedisConnection, chat: Chat) -> None:
        self._redis, self._chat = redis, chat
        self._here: dict[str, set[str]] = {}  # by room: the people of this process
        self._others = OtherPeople(redis, chat)
        self._heartbeats = Heartbeats(redis, chat.presence.rooms.elsewhere, self._here)
        self._heartbeats.on_appeared = self._others.appeared
        self._heartbeats.on_gone = lambda process: self._others.gone(process, chat.grace)
        self._own = OwnPeople(redis, chat.presence, self._heartbeats.next_generation)
        self._tasks = Tasks("what was changed elsewhere is not known here")
        chat.presence.on_change = self._on_change
        chat.presence.on_about = self._own.note_about
        redis.on_connected.append(self._on_connected)
        redis.subscribe(PEOPLE, shapes.PROFILE, self._on_profile)
        redis.subscribe(PEOPLE, shapes.REPORT, self._on_report)
        redis.subscribe(PEOPLE, shapes.REVOKED, self._on_revoked)
        redis.subscribe(PEOPLE, shapes.IGNORED, self._on_ignored)
        redis.subscribe(PEOPLE, shapes.EVENT, partial(_on_event, chat))

    # --- as the chat knows it ---

    def tell_profile(self, profile: Profile) -> None:
        self._redis.publish(PEOPLE, shapes.PROFILE, shapes.write(shapes.called(profile)))

    def tell_revoked(self, token: str, successor: str) -> None:
        self._redis.publish(PEOPLE, shapes.REVOKED, shapes.write([token, successor]))

    def tell_ignored(self, person: str) -> None:
        self._redis.publish(PEOPLE, shapes.IGNORED, shapes.write([person]))

    def tell_person(self, person: str, event: str, payload: dict[str, Any]) -> None:
        self._redis.publish(PEOPLE, shapes.EVENT, shapes.write([person, event, payload]))

    def tell_moderators(self, room: str, report: dict[str, Any]) -> None:
        self._redis.publish(PEOPLE, shapes.REPORT, shapes.write([room, report]))

    async def wait_known(self, room: str) -> None:
        """Also until others know who is here: whoever joins at another process after this one's answer sees them."""
        if not len(self._heartbeats):
            return
        try:
            async with asyncio.timeout(KNOWN_TIMEOUT_S):
                await self._own.wait_told()
                await self._others.wait_known(room)
        except TimeoutError:
            log.debug("it is not known yet who is in #%s elsewhere", room)

    # --- for as long as the server runs ---

    async def run(self) -> None:
        self._on_connected()
        await asyncio.gather(self._own.run(), self._heartbeats.run())

    async def close(self) -> None:
        """The last words of this process: its people are expected elsewhere."""
        self._chat.presence.on_change = lambda _room, _person, _grace: None
        self._chat.presence.on_about = lambda _person: None
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._own.tell()
                self._heartbeats.tell(stops=True)
                await self._redis.call("PING")
        except (Unusable, TimeoutError):
            log.debug("other processes find out by themselves that this one has ended")
        self._others.stop()
        self._tasks.cancel()

    def readings(self) -> Iterator[Reading]:
        yield Reading("parlor_directory_processes", "Other processes that are heard.", len(self._heartbeats), False)
        text = "People of other processes, in rooms to which somebody of this one listens."
        yield Reading("parlor_people_elsewhere", text, len(self._others.elsewhere), False)

    # --- what happens ---

    def _on_change(self, room: str, person: OnlinePerson, grace: float | None) -> None:
        here = self._here.setdefault(room, set())
        if grace is None:
            here.add(person.id)
            if len(here) == 1:
                self._others.follow(room)
        else:
            here.discard(person.id)
            if not here:
                del self._here[room]
                self._others.unfollow(room)
        self._own.note(room, person, grace)

    def _on_connected(self) -> None:
        """Redis is back, and nobody could be heard meanwhile."""
        self._heartbeats.forgive()
        self._own.rewrite()
        self._others.read_again()

    def _on_profile(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        id, nickname, reserved, rev, *there = shapes.read_called(body)
        about = shapes.about_of(there[0])[0] if there else None
        people.hear_profile(self._chat, Profile(id, nickname, reserved, rev, about))

    def _on_report(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        moderation.hear_report(self._chat, *shapes.read_report(body))

    def _on_revoked(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        people.hear_revoked(self._chat, *shapes.read_revoked(body))

    def _on_ignored(self, _process: str, body: bytes) -> None:
        """Raises BadFrame."""
        (person,) = shapes.read_ignored(body)
        self._tasks.begin(ignoring.tell_ignored(self._chat, person))


def _on_event(chat: Chat, _process: str, body: bytes) -> None:
    """Raises BadFrame."""
    person, event, told = shapes.read_event(body)
    (direct.hear if event == "opened" else reading.hear)(chat, person, told)
