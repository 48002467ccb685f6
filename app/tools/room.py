"""One room as a client holds it, and the messages that it has not had confirmed. The same as static/js/room.js.

`rev`: every change up to it is known here. Every message goes through `_apply`. No socket in here.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Message = dict[str, Any]
Answer = dict[str, Any]
EventHandler = Callable[[str, dict[str, Any]], None]


@dataclass
class PendingMessage:
    """A message of ours that the server has not confirmed yet."""

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
    """A copy of a room: every message from seq `floor` on, as it was at `rev` (None: never joined)."""

    def __init__(self, name: str, emit: EventHandler) -> None:
        self.name = name
        self.room: dict[str, Any] = {}  # name, topic, epoch, ... as the server sent it last
        self.rev: int | None = None
        self.floor = 1
        self.live = False  # caught up: live events follow `rev` without a gap
        self.outbox: deque[PendingMessage] = deque()
        self.entered: asyncio.Future[Copy] = asyncio.get_running_loop().create_future()
        self.gap, self.outbox_changed = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task[None] | None = None  # keeps the copy up to date on the present connection
        self._emit = emit
        self._by_seq: dict[int, Message] = {}
        self._early: dict[int, Message] = {}  # by rev: events that came before the ones they follow

    @property
    def messages(self) -> list[Message]:
        """Ascending by seq."""
        return [self._by_seq[seq] for seq in sorted(self._by_seq)]

    def cursor(self) -> dict[str, Any]:
        """The payload of join and sync: what to catch up from."""
        if self.rev is None:
            return {"room": self.name}
        return {"room": self.name, "after": self.rev, "epoch": self.room["epoch"]}

    def receive(self, change: Message) -> None:
        """A live event (a message, or a reaction to one), or the ack of our own message, in any order."""
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
        self.outbox_changed.set()
        if not self.entered.done():
            self.entered.set_result(self)

    def disconnected(self) -> None:
        """The connection is lost: early events are dropped, for catching up brings them again."""
        self.live = False
        self._early.clear()
        self.gap.clear()

    def close(self, error: Exception | None = None) -> None:
        """Stop updating the copy. Futures that are awaited get the error, or are cancelled."""
        if self.task:
            self.task.cancel()
        waiting: list[asyncio.Future[Any]] = [self.entered, *(message.stored for message in self.outbox)]
        for one in waiting:
            if not one.done():
                one.set_exception(error) if error else one.cancel()
        self.outbox.clear()

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

    def _apply(self, change: Message) -> None:
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

    def _restart(self, page: list[Message], rev: int) -> None:
        self._by_seq = {message["seq"]: message for message in page}
        self.floor = min(self._by_seq, default=1)
        self.rev = rev
        self._emit("reset", {"room": self.name})
        for message in page:
            self._emit("message", {"room": self.name, "message": message})


def with_reaction(message: Message, change: Message) -> Message:
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
