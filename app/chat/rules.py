"""The rules of one room as a process knows them: who owns and moderates it, who is kept out or muted, its settings."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.model import Refused, Sentence, span
from app.store import queries

OWNER, MODERATOR = "owner", "moderator"
BOT = "bot"  # a program of the owners', which is let in and has no rights of its own
RANKS = {None: 0, BOT: 0, MODERATOR: 1, OWNER: 2}
BAN, MUTE, KICK = "ban", "mute", "kick"
MS_PER_MINUTE = 60_000


@dataclass(frozen=True, slots=True)
class Sanction:
    """What was decided against a person. Times in milliseconds; until: None is for good. address: from which nobody
    new may come in either, if not empty."""

    person: str
    kind: str
    nickname: str
    at: int
    until: int | None
    reason: str
    by_name: str
    address: str

    def holds(self) -> bool:
        return self.until is None or self.until > queries.now()

    def refusal(self, room: str) -> Refused:
        """What the person is told."""
        seconds = None if self.until is None else max(0.0, (self.until - queries.now()) / 1000)
        what = _what(self.kind, room, seconds)
        text = (
            Sentence("{what}: {reason}", what=what, reason=self.reason)
            if self.reason
            else Sentence("{what}.", what=what)
        )
        extra: dict[str, Any] = {**self.told(), **({} if seconds is None else {"retry_after": seconds})}
        return Refused("muted", text, **extra) if self.kind == MUTE else Refused("banned", text, **extra)

    def told(self) -> dict[str, str]:
        """`{until?, reason?}`."""
        told = {"until": "" if self.until is None else when(self.until), "reason": self.reason}
        return {name: value for name, value in told.items() if value}


def _what(kind: str, room: str, seconds: float | None) -> Sentence:
    """What was done to somebody; seconds: for how long yet, None for good."""
    if seconds is None:
        if kind == BAN:
            return Sentence("You are banned from #{room}", room=room)
        return Sentence("You were sent out of #{room}", room=room) if kind == KICK else Sentence("You are muted here")
    time = span(seconds)
    if kind == BAN:
        return Sentence("You are banned from #{room} for {time}", room=room, time=time)
    if kind == KICK:
        return Sentence("You were sent out of #{room} for {time}", room=room, time=time)
    return Sentence("You are muted here for {time}", time=time)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where something of the room is delivered. nickname: of `person`, as whom it says something. given_up: since when
    that failed for too long, and `trouble` why."""

    id: str
    person: str
    nickname: str
    given_up: int | None
    trouble: str


@dataclass(frozen=True, slots=True)
class RoomRules:
    """number: of the look by which they were read, of all looks of this process. room: its row (`queries.room`). roles:
    `owner` or `moderator`, by person. sanctions: by person and kind. hooks: those to which something is delivered."""

    number: int
    room: dict[str, Any]
    roles: dict[str, str] = field(default_factory=dict)
    sanctions: dict[str, dict[str, Sanction]] = field(default_factory=dict)
    by_address: tuple[Sanction, ...] = ()
    hooks: tuple[Hook, ...] = ()

    @property
    def rev(self) -> int:
        rev: int = self.room["rules_rev"]
        return rev

    @property
    def is_closed(self) -> bool:
        """Not everybody is let in."""
        return bool(self.room["locked"] or self.room["passphrase"])

    def hooks_for(self, author: str) -> list[str]:
        """The ids of those to which it is delivered what this person says: none gets its own words."""
        return [one.id for one in self.hooks if one.given_up is None and one.person != author]

    def rank(self, person: str) -> int:
        return RANKS[self.roles.get(person)]

    def sanction(self, person: str, *kinds: str) -> Sanction | None:
        """The first of these kinds that holds for this person."""
        held = self.sanctions.get(person)
        found = (held.get(kind) for kind in kinds) if held else ()
        return next((one for one in found if one and one.holds()), None)

    def barred(self, person: str, address: str, since: int) -> Sanction | None:
        """Why somebody may not come in, who is known since then: they are banned, or new from the address of somebody
        who is."""
        if found := self.sanction(person, BAN, KICK):
            return found
        if not address or person in self.roles:
            return None
        there = (one for one in self.by_address if one.address == address and one.at < since)
        return next((one for one in there if one.holds()), None)

    def standing(self, person: str) -> dict[str, Any]:
        """What the room tells one person of themselves: `{role, muted?}`."""
        muted = self.sanction(person, MUTE)
        return {"role": self.roles.get(person)} | ({"muted": muted.told()} if muted else {})


def read(number: int, found: dict[str, Any]) -> RoomRules:
    """From `queries.room_rules`."""
    sanctions: dict[str, dict[str, Sanction]] = {}
    for row in found["sanctions"]:
        one = Sanction(**{name: row[name] for name in Sanction.__slots__} | {"address": row["address"] or ""})
        sanctions.setdefault(one.person, {})[one.kind] = one
    by_address = tuple(one for kinds in sanctions.values() for one in kinds.values() if one.address)
    hooks = tuple(
        Hook(one["id"], one["person"], one["nickname"] or "a hook", one["given_up_at"], one["trouble"] or "")
        for one in found["hooks"]
    )
    return RoomRules(number, found["room"], found["roles"], sanctions, by_address, hooks)


def changed(before: RoomRules | None, after: RoomRules) -> Iterable[str]:
    """Of whom something else holds than before."""
    if before is None:
        return {*after.roles, *after.sanctions}
    return {
        person
        for person in {*before.roles, *after.roles, *before.sanctions, *after.sanctions}
        if (before.roles.get(person), before.sanctions.get(person))
        != (after.roles.get(person), after.sanctions.get(person))
    }


def when(milliseconds: int) -> str:
    """ISO 8601 in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
