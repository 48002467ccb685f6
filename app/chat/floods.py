"""Flooding by words: the same text again and again, many messages in a row where many listen, mentions of everybody.

Each is slowed down with a sentence, never dropped: `too_fast` says when the same message may be sent again, and clients
keep it until then.
"""

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from app.chat.rates import Buckets
from app.model import Member, Refused, Sentence, joined

REPEATS, REPEATS_S = 3, 10.0  # times that one may say the same in so many seconds
CROWD = 20  # people in a room; above it
IN_A_ROW, IN_A_ROW_S = 5, 3.0  # messages that one may say in so many seconds
FEW_MENTIONS = 2  # of a message, which cost nothing
MENTIONS, MENTIONS_PER_S = 20, 1.0  # that one may make at once, and regains
TYPING_S = 1.0  # between two times that a room is told of somebody who types
MAX_TYPED = 10  # rooms in which somebody types at once
REMEMBERED_S = max(REPEATS_S, IN_A_ROW_S)
MIN_SPEAKERS = 1_000  # remembered, before those who have been silent are let go; then twice as many as are left

SLOWED = frozenset(("repeats", "crowd", "mentions"))  # limits that an honest client reaches with what waited in it

CALL = re.compile(r"(?<![\w@/.])@(?=[^\s@])")  # somebody is called there (mentions.py)


class Said(NamedTuple):
    at: float
    id: str
    room: str
    text: int  # its hash


@dataclass(slots=True)
class Speaker:
    """What somebody has said in the last seconds."""

    said: deque[Said] = field(default_factory=lambda: deque(maxlen=4 * IN_A_ROW))
    typed: dict[str, float] = field(default_factory=dict)  # by room: when it was told last that they type
    spoke_at: float = 0.0


class Floods:
    """What people have said lately, by their ids. clock: in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._speakers: dict[str, Speaker] = {}
        self._mentions = Buckets(MENTIONS, MENTIONS_PER_S, clock)
        self._forget_at = MIN_SPEAKERS

    def check(self, member: Member, id: str, text: str, people: int) -> None:
        """Somebody is about to say this in a room with so many people. Raises `too_fast`. A message that was let
        through before may come again: its answer was lost, or it could not be stored."""
        now = self._clock()
        speaker = self._speaker(member.id, now)
        if any(one.id == id for one in speaker.said):
            return
        same = hash(" ".join(text.casefold().split()))
        _check_repeats(speaker, same, now)
        if people > CROWD:
            _check_crowd(speaker, member.room, now)
        self.check_mentions(member, text)
        speaker.said.append(Said(now, id, member.room, same))

    def note_said(self, member: Member) -> None:
        """Somebody says something: for those who see it they type no more, and typing is news again."""
        if speaker := self._speakers.get(member.id):
            speaker.typed.pop(member.room, None)

    def is_news(self, member: Member) -> bool:
        """Somebody types. False where the room was told a moment ago."""
        now = self._clock()
        speaker = self._speaker(member.id, now)
        if now - speaker.typed.get(member.room, -TYPING_S) < TYPING_S:
            return False
        if len(speaker.typed) >= MAX_TYPED:
            speaker.typed.clear()
        speaker.typed[member.room] = now
        return True

    def check_mentions(self, member: Member, text: str) -> None:
        """Whoever calls many people at once has to wait before they do so again. Raises `too_fast`."""
        count = len(CALL.findall(text)) if "@" in text else 0
        if count > FEW_MENTIONS and (wait := self._mentions.spend(member.id, count)):
            raise _too_fast("mentions", "You have called many people.", wait)

    def _speaker(self, person: str, now: float) -> Speaker:
        speaker = self._speakers.get(person)
        if speaker is None:
            self._forget(now)
            speaker = self._speakers[person] = Speaker()
        speaker.spoke_at = now
        return speaker

    def _forget(self, now: float) -> None:
        if len(self._speakers) >= self._forget_at:
            self._speakers = {id: one for id, one in self._speakers.items() if now - one.spoke_at < REMEMBERED_S}
            self._forget_at = max(MIN_SPEAKERS, 2 * len(self._speakers))


def _check_repeats(speaker: Speaker, text: int, now: float) -> None:
    times = [one.at for one in speaker.said if one.text == text and now - one.at < REPEATS_S]
    if len(times) >= REPEATS:
        raise _too_fast("repeats", Sentence("You have said the same several times."), times[-REPEATS] + REPEATS_S - now)


def _check_crowd(speaker: Speaker, room: str, now: float) -> None:
    times = [one.at for one in speaker.said if one.room == room and now - one.at < IN_A_ROW_S]
    if len(times) >= IN_A_ROW:
        why = Sentence("Many people read this room, so messages in a row are slowed down.")
        raise _too_fast("crowd", why, times[-IN_A_ROW] + IN_A_ROW_S - now)


def _too_fast(limit: str, why: str, seconds: float) -> Refused:
    wait = round(seconds + 0.05, 2)
    return Refused(
        "too_fast",
        joined(why, Sentence("Try again in {seconds} s.", seconds=ceil(wait))),
        retry_after=wait,
        limit=limit,
    )
