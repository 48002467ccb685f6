"""A room as a client holds it. The same as static/js/room.js.

`rev`: every change up to it is known here. Every message goes through `_apply`. No socket in here.
"""

import asyncio
from typing import Any

from app.tools.client.shapes import Answer, Change, EventHandler

OWN = ("role", "muted")  # of the asker alone: what the whole room is told does not have them
CHANGED = ("emoji", "edited", "deleted", "card")  # what has one of them was not said just now


class Copy:
    """A copy of a room: every message from seq `floor` on, as it was at `rev` (None: never joined)."""

    def __init__(self, name: str, emit: EventHandler) -> None:
        self.name = name
        self.room: dict[str, Any] = {}  # name, topic, epoch, ... as the server sent it last
        self.rev: int | None = None
        self.floor = 1
        self.live = False  # caught up: live events follow `rev` without a gap
        self.gap = asyncio.Event()
        self._emit = emit
        self._by_seq: dict[int, Change] = {}
        self._early: dict[int, Change] = {}  # by rev: events that came before the ones they follow
        self._meanwhile: set[int] = set()  # seqs of what was said before the first page came

    @property
    def messages(self) -> list[Change]:
        """Ascending by seq."""
        return [self._by_seq[seq] for seq in sorted(self._by_seq)]

    @property
    def last_seq(self) -> int:
        return max(self._by_seq, default=self.floor - 1)

    @property
    def said_before(self) -> int:
        """The seq of the last message of the first page that was said before one entered. Who enters is seen and hears
        already while the page is read, so its end may have been said after that."""
        seq = self.last_seq
        while seq in self._meanwhile:
            seq -= 1
        return seq

    def cursor(self) -> dict[str, Any]:
        """The payload of join and sync: what to catch up from."""
        if self.rev is None:
            return {"room": self.name}
        return {"room": self.name, "after": self.rev, "epoch": self.room["epoch"]}

    def describe(self, room: dict[str, Any]) -> None:
        """What the whole room was told of itself: one's own standing there stays."""
        self.room = {name: self.room[name] for name in OWN if name in self.room} | room

    def receive(self, change: Change) -> None:
        """A live event (a message, or a reaction to one), or the ack of our own message, in any order."""
        if self.rev is None and not any(sign in change for sign in CHANGED):
            self._meanwhile.add(change["seq"])
        if self.rev is None or change["rev"] > self.rev:
            self._early[change["rev"]] = change
        if self.live:
            self._apply_early()

    def apply_page(self, page: Answer, rev: int) -> bool:
        """Apply a page of changes, ascending by rev; True if there are more. `reset` starts the copy over."""
        if page.get("reset") or self.rev is None:
            self._restart(page["messages"], rev)
            return False
        for message in page["messages"]:
            if message["rev"] > self.rev:
                self._apply(message)
        if page["more"] and page["messages"]:
            return True
        self.rev = max(self.rev, rev)
        return False

    def caught_up(self) -> None:
        self.live = True
        self._apply_early()

    def disconnected(self) -> None:
        """The connection is lost: early events are dropped, for catching up brings them again."""
        self.live = False
        self._early.clear()
        self.gap.clear()

    @property
    def has_gap(self) -> bool:
        """True while an event waits for the ones before it."""
        return bool(self._early)

    def _apply_early(self) -> None:
        while change := self._early.pop((self.rev or 0) + 1, None):
            self._apply(change)
        self._early = {rev: change for rev, change in self._early.items() if rev > (self.rev or 0)}
        if self._early:
            self.gap.set()

    def _apply(self, change: Change) -> None:
        self.rev = change["rev"]
        if "emoji" not in change:
            message = change
        elif known := self._by_seq.get(change["seq"]):
            message = with_reaction(known, change)
        else:  # to a message before the ones held here
            return
        if message["seq"] >= self.floor:
            self._by_seq[message["seq"]] = message
        self._emit("message", {"room": self.name, "message": message})

    def _restart(self, page: list[Change], rev: int) -> None:
        self._by_seq = {message["seq"]: message for message in page}
        self.floor = min(self._by_seq, default=1)
        self.rev = rev
        self._emit("reset", {"room": self.name})
        for message in page:
            self._emit("message", {"room": self.name, "message": message})


def with_reaction(message: Change, change: Change) -> Change:
    """The message after a `react` event. static/js/reaction-state.js does the same."""
    emoji = change["emoji"]
    names, counts = message.get("reactions", {}), message.get("reaction_counts", {})
    rest = {name: value for name, value in message.items() if name not in ("reactions", "reaction_counts")}
    if change["count"]:
        names = names | {emoji: change.get("names", names.get(emoji, []))}
        counts = counts | {emoji: change["count"]}
    else:
        names, counts = ({one: what for one, what in old.items() if one != emoji} for old in (names, counts))
    return rest | {"rev": change["rev"]} | ({"reactions": names, "reaction_counts": counts} if counts else {})
