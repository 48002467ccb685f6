"""A room that was entered, as who uses the client sees it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from app.model import Refused
from app.tools.client.copy import Copy
from app.tools.client.outbox import Outbox, PendingMessage
from app.tools.client.shapes import Answer, Event, EventHandler, Link, Message, Person, refusal

SEEN = 2_000  # places behind the newest that are remembered one by one


class RoomView:
    """What is known of a room. `entered` is done when it was caught up for the first time."""

    def __init__(self, name: str, emit: EventHandler, entry: dict[str, Any] | None = None) -> None:
        self.name = name
        self.entry = entry or {}  # what is shown at the door: passphrase, invite, nickname
        self.copy, self.outbox = Copy(name, emit), Outbox()
        self.entered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None  # keeps it up to date on the present connection
        self.was_said = 0  # the seq of the last message that had been said when one entered
        self.over: Refused | None = None  # why one is not in the room any more

    @property
    def messages(self) -> list[Message]:
        """Every message from `floor` on, as it looks now, ascending by seq."""
        return cast("list[Message]", self.copy.messages)

    @property
    def info(self) -> dict[str, Any]:
        """`{name, topic, rev, epoch, role, muted?, ...}` as told last; `role` and `muted` are one's own."""
        return self.copy.room

    @property
    def rev(self) -> int | None:
        """Every change up to this one is known here."""
        return self.copy.rev

    @property
    def floor(self) -> int:
        return self.copy.floor

    @property
    def live(self) -> bool:
        """True while connected and caught up."""
        return self.copy.live

    @property
    def unsent(self) -> list[PendingMessage]:
        """What was said and is not confirmed yet, in that order."""
        return list(self.outbox)

    def close(self, error: Exception | None = None) -> None:
        """It is not kept up to date any more. Futures that are awaited get the error, or are cancelled."""
        if self.task:
            self.task.cancel()
        self.over = error if isinstance(error, Refused) else Refused("not_member", f"#{self.name} was left.")
        if not self.entered.done():
            self.entered.set_exception(error) if error else self.entered.cancel()
        self.outbox.close(error)
        self.copy.disconnected()


class Room(RoomView):
    """A room that was entered. Every method that waits for an answer waits through lost connections, however long; put
    `asyncio.timeout` around it to give up. All of them raise Refused, with the server's code and sentence, where they
    are refused for good: also where one was sent out of the room or banned."""

    def __init__(self, name: str, link: Link, emit: EventHandler, entry: dict[str, Any] | None = None) -> None:
        super().__init__(name, emit, entry)
        self._link = link

    def say(
        self, text: str, *, reply_to: int | None = None, file: str | None = None, id: str | None = None
    ) -> "asyncio.Future[Message]":
        """Say something. It is sent as soon as possible, once, in the order of the calls, whether the future is awaited
        or not. The future gives the message as stored.

        reply_to: the seq of the message that it answers. file: `id` of an upload; then `text` may be empty. id: 8 to 64
        of `A-Za-z0-9_-`, by which the same message said again is known, also by another program.
        """
        message = PendingMessage(self.name, text, reply_to, file)
        if id is not None:
            message.id = id
        self.outbox.add(message)
        return message.stored

    async def edit(self, seq: int, text: str) -> Message:
        """Give one's own message another text; the message as it is then."""
        return cast("Message", (await self.do("edit", seq=seq, text=text))["message"])

    async def delete(self, seq: int) -> Message:
        """Take one's own message back, as a moderator another's; a tombstone stays."""
        return cast("Message", (await self.do("delete", seq=seq))["message"])

    async def react(self, seq: int, emoji: str, on: bool = True) -> Message:
        """Answer a message with an emoji, or take that back."""
        return cast("Message", (await self.do("react", seq=seq, emoji=emoji, on=on))["message"])

    async def set_topic(self, topic: str) -> None:
        await self.do("topic", topic=topic)

    async def history(self, before: int | None = None, limit: int = 100) -> list[Message]:
        """So many messages before that seq, without it the last ones, ascending by seq."""
        found: list[Message] = []
        while len(found) < limit:
            where = {} if before is None else {"before": before}
            page = await self.do("history", **where, limit=min(100, limit - len(found)))
            found = page["messages"] + found
            if not page["more"] or not page["messages"]:
                break
            before = page["messages"][0]["seq"]
        return found

    async def search(self, query: str, before: int | None = None) -> tuple[list[Message], bool]:
        """A page of the messages that have these words, and whether there are older ones."""
        where = {} if before is None else {"before": before}
        page = await self.do("search", query=query, **where)
        return page["messages"], page["more"]

    async def people(self) -> list[Person]:
        """Everybody who is here now, in the order of names."""
        found: list[Person] = []
        while True:
            where = {"after": found[-1]["nickname"]} if found else {}
            page = await self.do("people", **where)
            found += page["people"]
            if not page["more"] or not page["people"]:
                return found

    async def leave(self) -> None:
        """Messages that still wait are not sent any more."""
        await self._link.leave(self.name)

    async def do(self, verb: str, **payload: Any) -> Answer:
        """The answer of any verb about this room. It is asked until there is an answer, so that it may be done twice:
        for what must not be, there is `Client.ask`."""
        if self.over:
            raise self.over
        return await self._link.do(verb, {"room": self.name} | payload)

    def new_messages(self, after: int | None = None) -> AsyncIterator[Message]:
        """Every message that was said since one entered, or after that seq: once, in order, also those that were said
        while the connection was lost, however many. Ends by Refused where one is sent out of the room."""
        events = self._link.events()  # from now on, not from the first look on
        return self._follow(events, self.was_said if after is None else after)

    async def _follow(self, events: AsyncIterator[Event], after: int) -> AsyncIterator[Message]:
        seen, epoch, held = Seen(after), self.info["epoch"], dict[int, Message]()
        async for message in self._between(seen):
            yield message
        is_first = not self.messages  # then nobody knows where the room's places begin
        async for event, payload in events:
            if payload.get("room") != self.name:
                continue
            if event == "removed":
                raise refusal(payload)
            if event == "reset":
                if self.info["epoch"] != epoch:  # another history: all of it is new
                    seen, epoch, held = Seen(0), self.info["epoch"], {}
                async for message in self._between(seen):
                    yield message
            elif event == "message":
                held[payload["message"]["seq"]] = payload["message"]
                if is_first:
                    seen.pass_over(payload["message"]["seq"] - 1)
                    is_first = False
            if event in ("message", "caught_up"):
                for message in _ready(held, seen, event == "caught_up"):
                    yield message

    async def _between(self, seen: "Seen") -> AsyncIterator[Message]:
        """What was said after the last that was seen, up to what is here; where the copy started over, from further
        back than it reaches."""
        while seen.all_up_to < self.floor - 1:
            page = await self._page_after(seen.all_up_to)
            older = [message for message in page["messages"] if message["seq"] < self.floor]
            for message in older:
                if seen.is_new(message["seq"]):
                    yield message
            if len(older) < len(page["messages"]) or not page["more"]:
                break
            seen.pass_over(older[-1]["seq"] if older else 1)
        seen.pass_over(self.floor - 1)
        for message in self.messages:
            if seen.is_new(message["seq"]):
                yield message

    async def _page_after(self, seq: int) -> Answer:
        if seq:
            return await self.do("history", after=seq, limit=100)
        first = await self.do("history", before=2)
        return {"messages": first["messages"], "more": True}


class Seen:
    """Which places of a room were seen: all up to one, and some after it. What was changed while one was away comes in
    the order of changes."""

    def __init__(self, all_up_to: int) -> None:
        self.all_up_to = all_up_to
        self._beyond: set[int] = set()

    def is_new(self, seq: int) -> bool:
        if seq <= self.all_up_to or seq in self._beyond:
            return False
        self._beyond.add(seq)
        self.pass_over(seq - SEEN)
        return True

    def pass_over(self, seq: int) -> None:
        """What is missing up to there is not there any more."""
        if seq > self.all_up_to:
            self.all_up_to = seq
            self._beyond = {one for one in self._beyond if one > seq}
        while self.all_up_to + 1 in self._beyond:
            self.all_up_to += 1
            self._beyond.remove(self.all_up_to)


def _ready(held: dict[int, Message], seen: Seen, is_all: bool) -> list[Message]:
    """Those of the held ones that follow what was seen; is_all: there will be none before them."""
    ready = []
    for seq in sorted(held):
        if not is_all and seq > seen.all_up_to + 1:
            break
        message = held.pop(seq)
        if seen.is_new(seq):
            ready.append(message)
        if is_all:
            seen.pass_over(seq)
    return ready
