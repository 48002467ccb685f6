"""Newcomers: people of whom nothing is stored yet (people.py stores it with the first verb that needs it).

Each bears a name that nobody else bears here, and that was free in the database; it is theirs for good when it is
stored. Until then it is kept here as the database would keep it: also for a while after they left, for some of them.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from app.store.queries import Name, now

MAX_AWAY = 1_000  # who have left and are remembered


@dataclass(eq=False, slots=True)
class Newcomer:
    """token: its fingerprint. left_at: in milliseconds; None while they are here. brief: milliseconds for which the
    name is kept then, where it is not the usual. recording: done when they are stored."""

    id: str
    token: str
    name: Name
    left_at: int | None = None
    brief: int | None = None
    recording: asyncio.Task[None] | None = None


class Newcomers:
    """held: milliseconds for which a name is kept, usually."""

    def __init__(self, held: int) -> None:
        self._held = held
        self._here: dict[str, Newcomer] = {}
        self._away: OrderedDict[str, Newcomer] = OrderedDict()
        self._by_look: dict[str, Newcomer] = {}

    def __contains__(self, id: str) -> bool:
        """Are they here?"""
        return id in self._here

    def __len__(self) -> int:
        return len(self._here)

    def get(self, id: str) -> Newcomer | None:
        """Of those who are here."""
        return self._here.get(id)

    def former_name(self, id: str) -> Name | None:
        """Of one who has left."""
        return self._away[id].name if id in self._away else None

    def bearer(self, looks: Sequence[str], but: str = "") -> Newcomer | None:
        """Somebody other than `but` who bears a name that looks like this, or for whom it is kept."""
        for one in {self._by_look[look] for look in looks if look in self._by_look}:
            if one.id == but:
                continue
            if not self._is_over(one):
                return one
            self.remove(one.id)
        return None

    def add(self, id: str, token: str, name: Name) -> bool:
        """Somebody is here, or is called otherwise than before. False where another one bears the name."""
        if self.bearer(name[1], but=id):
            return False
        newcomer = self._here.get(id) or Newcomer(id, token, name)
        self.remove(id)
        newcomer.name = name
        self._here[id] = newcomer
        self._by_look |= dict.fromkeys(name[1], newcomer)
        return True

    def leave(self, id: str, brief: int | None) -> None:
        if newcomer := self._here.pop(id, None):
            newcomer.left_at, newcomer.brief = now(), brief
            self._away[id] = newcomer
            self._prune()

    def remove(self, id: str) -> None:
        """They are stored now, or forgotten."""
        if newcomer := self._here.pop(id, None) or self._away.pop(id, None):
            for look in newcomer.name[1]:
                del self._by_look[look]

    def _prune(self) -> None:
        while self._away:
            eldest = next(iter(self._away.values()))
            if len(self._away) <= MAX_AWAY and not self._is_over(eldest):
                return
            self.remove(eldest.id)

    def _is_over(self, one: Newcomer) -> bool:
        """Have they left so long ago that their name is free?"""
        kept = self._held if one.brief is None else min(one.brief, self._held)
        return one.left_at is not None and one.left_at + kept <= now()
