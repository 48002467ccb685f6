"""The shapes of what goes over the wire, and what the parts of the client ask of each other."""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, Required, TypedDict

from app.model import Refused

Answer = dict[str, Any]  # the ack of a verb: `{"ok": true, ...}` or `{"ok": false, "error": code, "text": sentence}`
Change = dict[str, Any]  # a message as it looks now, or a reaction to one
Event = tuple[str, dict[str, Any]]
EventHandler = Callable[[str, dict[str, Any]], None]


class File(TypedDict, total=False):
    """What an upload gave; `send` takes its `id`."""

    id: Required[str]
    name: Required[str]
    type: Required[str]
    bytes: Required[int]
    width: int
    height: int
    thumbnail: str


class Card(TypedDict, total=False):
    """What the page at `url`, to which a message links, says of itself. `site` is what it calls its site, `host` where
    it is."""

    url: Required[str]
    title: Required[str]
    description: str
    site: Required[str]
    host: Required[str]


class Message(TypedDict, total=False):
    """A message as it looks now. `seq` is its place in the room, `rev` the number of its last change; `id` is the
    author's own. `at` and `edited` are ISO 8601 in UTC. `words` is the text as a tree, where it is more than plain;
    `mentions` the ids of those who are called in it."""

    seq: Required[int]
    rev: Required[int]
    id: Required[str]
    author: Required[str]
    nickname: Required[str]
    text: Required[str]
    at: Required[str]
    kind: Required[str]
    words: list[Any]
    mentions: list[str]
    reply_to: int
    edited: str
    deleted: bool
    deleted_by: str
    reactions: dict[str, list[str]]
    reaction_counts: dict[str, int]
    file: File
    card: Card


class Me(TypedDict, total=False):
    id: Required[str]
    nickname: Required[str]
    reserved: bool


class Person(TypedDict, total=False):
    """Somebody who is in a room. `reconnecting`: their connection broke a moment ago."""

    id: Required[str]
    nickname: Required[str]
    reconnecting: bool
    role: str
    status: str
    reserved: bool


class Link(Protocol):
    """What a room asks of the session that keeps it up to date."""

    async def do(self, verb: str, payload: dict[str, Any]) -> Answer: ...

    async def leave(self, room: str) -> None: ...

    def events(self) -> AsyncIterator[Event]: ...


def refusal(answer: Answer) -> Refused:
    """The exception for an ack that is not ok; what the ack has beside the sentence is in its `extra`."""
    extra = {name: value for name, value in answer.items() if name not in ("ok", "error", "text", "code")}
    return Refused(answer["error"], answer["text"], **extra)


TEMPORARY = {"too_fast", "slow_mode", "storage", "broken"}  # refusals after which it is tried again


def is_temporary(answer: Answer) -> bool:
    """False for what will never be taken."""
    return answer["error"] in TEMPORARY or (answer["error"] == "too_many" and "retry_after" in answer)
