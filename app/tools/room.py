"""One room as a client holds it, and what it has said there. No socket in here: static/js/room.js in Python.

One number carries it. `rev`: every change up to it is known here. Whatever brings a message ends in `_apply`.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Message = dict[str, Any]
Answer = dict[str, Any]
Hearing = Callable[[str, dict[str, Any]], None]


@dataclass
class Words:
    """What we said and nobody has confirmed."""

    room: str
    text: str
    reply_to: int | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    stored: asyncio.Future[Message] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    tries: int = 0

    def payload(self) -> dict[str, Any]:
        reply = {} if self.reply_to is None else {"reply_to": self.reply_to}
        return {"room": self.room, "text": self.text, "id": self.id} | reply


class Copy:
    """A room as we hold it: every message from seq `floor` on, as it looked at change `rev` (None: never entered)."""

    def __init__(self, name: str, tell: Hearing) -> None:
        self.name = name
        self.room: dict[str, Any] = {}  # name, topic, epoch, ... as the server told it last
        self.rev: int | None = None
        self.floor = 1
        self.live = False  # caught up: what is told now comes right after `rev`
        self.outbox: deque[Words] = deque()
        self.entered: asyncio.Future[Copy] = asyncio.get_running_loop().create_future()
        self.gap, self.stirred = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task[None] | None = None  # which keeps it up on the line that stands
        self._tell = tell
        self._by_seq: dict[int, Message] = {}
        self._held: dict[int, Message] = {}  # by rev: heard too early to be shown

    @property
    def messages(self) -> list[Message]:
        """Ascending by seq."""
        return [self._by_seq[seq] for seq in sorted(self._by_seq)]

    def wish(self) -> dict[str, Any]:
        """What join and sync take: from where to go on, in which history."""
        if self.rev is None:
            return {"room": self.name}
        return {"room": self.name, "after": self.rev, "epoch": self.room["epoch"]}

    def hear(self, change: Message) -> None:
        """A live event, or the ack of our own words, in whatever order they come: a message, or a reaction to one."""
        if self.rev is None or change["rev"] > self.rev:
            self._held[change["rev"]] = change
        if self.live:
            self._drain()

    def take(self, page: Answer, rev: int) -> bool:
        """A page of changes, ascending by rev; whether there is more. `reset` starts the copy over."""
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
        self._drain()
        self.stirred.set()
        if not self.entered.done():
            self.entered.set_result(self)

    def away(self) -> None:
        """The line is gone: what came too early on it comes again with the catching up."""
        self.live = False
        self._held.clear()
        self.gap.clear()

    def let_go(self, error: Exception | None = None) -> None:
        """Nothing is kept up any more: whoever waits is told the error, or that it is over."""
        if self.task:
            self.task.cancel()
        waiting: list[asyncio.Future[Any]] = [self.entered, *(words.stored for words in self.outbox)]
        for one in waiting:
            if not one.done():
                one.set_exception(error) if error else one.cancel()
        self.outbox.clear()

    @property
    def misses_some(self) -> bool:
        """Is something held back because what goes before it has not come?"""
        return bool(self._held)

    def _drain(self) -> None:
        while change := self._held.pop((self.rev or 0) + 1, None):
            self._apply(change)
        self._held = {rev: change for rev, change in self._held.items() if rev > (self.rev or 0)}
        if self._held:
            self.gap.set()

    def _apply(self, change: Message) -> None:
        self.rev = change["rev"]
        if "emoji" not in change:
            message = change
        elif known := self._by_seq.get(change["seq"]):
            message = with_reaction(known, change)
        else:  # of a message before those that we hold
            return
        if message["seq"] >= self.floor:
            self._by_seq[message["seq"]] = message
        self._tell("message", {"room": self.name, "message": message})

    def _restart(self, page: list[Message], rev: int) -> None:
        self._by_seq = {message["seq"]: message for message in page}
        self.floor = min(self._by_seq, default=1)
        self.rev = rev
        self._tell("reset", {"room": self.name})
        for message in page:
            self._tell("message", {"room": self.name, "message": message})


def with_reaction(message: Message, change: Message) -> Message:
    """The message as it looks after a `react` event. static/js/reaction-state.js does the same."""
    emoji = change["emoji"]
    names, counts = message.get("reactions", {}), message.get("reaction_counts", {})
    rest = {name: value for name, value in message.items() if name not in ("reactions", "reaction_counts")}
    if change["count"]:
        names = names | {emoji: change.get("names", names.get(emoji, []))}
        counts = counts | {emoji: change["count"]}
    else:
        names, counts = ({one: what for one, what in old.items() if one != emoji} for old in (names, counts))
    return rest | {"rev": change["rev"]} | ({"reactions": names, "reaction_counts": counts} if counts else {})
