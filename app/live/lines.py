"""A room as lines of text, for clients that know nothing of us: `Ann said: hello`. Each line is one frame; what is said
in several lines of text stays one."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from app.live.broadcaster import Event

Message = dict[str, Any]

MAX_TOLD = 100  # messages of which a listener knows how they looked


def refusal(answer: dict[str, Any]) -> str:
    """Of a verb that was refused."""
    return f"! {answer['error']}: {answer['text']}"


def said(message: Message) -> str:
    """A message that was not told before."""
    name, text = message["nickname"], message["text"]
    if message.get("deleted"):
        return taken_back(message)
    if message["kind"] == "action":
        return f"* {name} {text}"
    if file := message.get("file"):
        return f"{name} sent {file['name']}{f': {text}' if text else '.'}"
    return f"{name} said: {text}"


def changed(message: Message, before: Message | None = None) -> str | None:
    """One that is other now; None where it has other reactions or another card alone. before: as it was told last,
    where that is known."""
    if before and (before["text"], before.get("deleted")) == (message["text"], message.get("deleted")):
        return None
    if message.get("deleted"):
        return taken_back(message)
    if before and before.get("deleted"):
        return said(message)
    return f"{message['nickname']} corrected: {message['text']}" if "edited" in message else None


def taken_back(message: Message) -> str:
    if "deleted_by" in message:
        return f"A message of {message['nickname']} was removed."
    return f"{message['nickname']} took a message back."


class RoomLines:
    """What one listener is told of one room. people: their nicknames, by id. seq: of the newest message that was told,
    or is older than this listener. ignored: ids of those whose words are left out."""

    def __init__(self, room: dict[str, Any], people: dict[str, str], seq: int, ignored: Iterable[str] = ()) -> None:
        self.name: str = room["name"]
        self.ignored = frozenset(ignored)
        self._topic, self._people, self._seq = room["topic"], people, seq
        self._told: OrderedDict[int, Message] = OrderedDict()  # the last ones

    def of(self, event: Event) -> Iterator[str]:
        """Of an event that is about this room; none of one that is about another."""
        if event.name not in ("message", "people", "room") or _room_of(event) != self.name:
            return
        if event.name == "message":
            if line := self.message(event.payload["message"]):
                yield line
        elif event.name == "people":
            yield from self._came_and_went(event.payload)
        elif self._topic != (topic := event.payload["room"]["topic"]):
            self._topic = topic
            yield f"The topic is now: {topic}" if topic else "The topic was removed."

    def message(self, message: Message) -> str | None:
        is_new = message["seq"] > self._seq
        self._seq = max(self._seq, message["seq"])
        before = self._told.pop(message["seq"], None)
        self._told[message["seq"]] = message
        if len(self._told) > MAX_TOLD:
            self._told.popitem(last=False)
        if message["author"] in self.ignored:
            return None
        return said(message) if is_new else changed(message, before)

    def _came_and_went(self, told: dict[str, Any]) -> Iterator[str]:
        """In large rooms, whose events tell of the first page of people alone, nothing."""
        for one in told["joined"]:
            before = self._people.get(one["id"])
            self._people[one["id"]] = one["nickname"]
            if told.get("partial") or before == one["nickname"]:
                continue
            yield f"{before} is now called {one['nickname']}." if before else f"{one['nickname']} has connected."
        for one in told["left"]:
            if self._people.pop(one["id"], None) and not told.get("partial"):
                yield f"{one['nickname']} has gone away."


def _room_of(event: Event) -> str:
    room = event.payload["room"]
    name: str = room["name"] if event.name == "room" else room
    return name
