"""Numbered senders and listeners on mixed transports, whose every word is kept for the judge."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from typing import Any, Self

import psycopg

from app.tools.client import Client, Room
from tests.faults import checker
from tests.faults.checker import Record, Said, Speech
from tests.support.look import Look, Where

ROOM = "lobby"
QUICK = (0.05, 0.5)  # seconds between attempts to come back
QUIET_WITHIN = 60.0  # seconds in which everything is said and everybody has caught up, once nothing is broken
BOTH = (("websocket", "polling"), ("polling",))  # by turns
CHANGES: tuple[tuple[str, dict[str, Any]], ...] = (("edit", {}), ("delete", {}), ("react", {"emoji": "👍", "on": True}))
PACE = 0.04  # seconds on average from one word of a sender to the next


class Sender:
    """Says one numbered thing after the other, a few ahead of their acks. speeches: by room, as it is called here."""

    def __init__(self, url: str, nickname: str, **how: Any) -> None:
        self.client = Client(url, nickname, **{"pauses": QUICK} | how)
        self.speech = Speech(nickname)
        self.speeches = {ROOM: self.speech}
        self.unsure: list[asyncio.Future[dict[str, Any]]] = []

    @property
    def words(self) -> list[Said]:
        return [said for speech in self.speeches.values() for said in speech.words]

    def say(
        self, note: str = "", room: str = ROOM, file: str | None = None, content: bytes = b""
    ) -> "asyncio.Future[dict[str, Any]]":
        """Say the next thing; its ack is kept when it comes."""
        said = Said(f"{self.speech.nickname} {len(self.words) + 1}{note}", file=file, content=content)
        self.speeches[room].words.append(said)
        stored = self.client.rooms[room].say(said.text, file=file)
        self.unsure.append(stored)
        stored.add_done_callback(lambda done: self._acked(said, done))
        return stored

    def _acked(self, said: Said, done: "asyncio.Future[dict[str, Any]]") -> None:
        self.unsure.remove(done)
        if not done.cancelled() and not done.exception():
            said.ack = done.result()

    @property
    def acked(self) -> int:
        return sum(said.ack is not None for said in self.words)

    async def speak(self) -> None:
        self.say()

    async def talk(self) -> None:
        """Until cancelled. While nobody answers, a few words wait, as with people."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._think_again())
            while True:
                if len(self.unsure) < 5:
                    await self.speak()
                await asyncio.sleep(random.uniform(0, 2 * PACE))

    async def _think_again(self) -> None:
        """Change now and then something that was said, each once: edit, delete, react to it."""
        changed: set[str] = set()
        while True:
            await asyncio.sleep(random.uniform(0, 10 * PACE))
            new = [
                (room, said.ack)
                for room, speech in self.speeches.items()
                for said in speech.words[-20:]
                if said.ack and said.ack["id"] not in changed
            ]
            if new:
                room, message = random.choice(new)
                changed.add(message["id"])
                await self._change(room, message)

    async def _change(self, room: str, message: dict[str, Any]) -> None:
        """Until it is known to be done: a change that is there already is no second one."""
        verb, more = random.choice(CHANGES)
        about = {"room": room, "seq": message["seq"]} | more
        if verb == "edit":
            about["text"] = f"{message['text']}, or rather not"
        answer: dict[str, Any] = {"ok": False}
        while not answer["ok"]:
            with contextlib.suppress(ConnectionError):
                answer = await self.client.ask(verb, about)
            await asyncio.sleep(PACE)


class Hearing:
    """What one client hears of a room, and holds of it. It looks into the database the moment it hears something, where
    it is given one."""

    def __init__(self, name: str, room: str, database: Where | None = None) -> None:
        self.record = Record(name)
        self.room, self.database = room, database
        self._stored_as = room if room == ROOM else ""  # a room of two has a name that its people do not know
        self.copy: Room | None = None
        self.look = Look(database or "")

    def kept(self) -> Record:
        """The record, with the copy as it is now."""
        assert self.copy
        self.record.held, self.record.floor = self.copy.messages, self.copy.floor
        return self.record

    @property
    def rev(self) -> int:
        return (self.copy and self.copy.rev) or 0

    def heard(self, event: str, payload: dict[str, Any]) -> None:
        """It came from the wire."""
        if event == "welcome":
            self.record.lines.append([])
        if event in ("message", "react") and payload["room"] == self.room:
            message = payload["message"] if event == "message" else payload
            self.record.lines[-1].append(message)
            if self.database and not self._is_stored(message):
                self.record.early.append(f"seq {message['seq']}, rev {message['rev']}")

    def _is_stored(self, message: dict[str, Any]) -> bool:
        """True also where PostgreSQL is away just now: then nobody can say."""
        found = "SELECT 1 FROM messages WHERE room = ? AND seq = ? AND rev >= ? AND id = coalesce(?, id)"
        named = "SELECT room FROM messages WHERE author = ? AND id = ?"
        with contextlib.suppress(psycopg.OperationalError):
            if not self._stored_as and "author" in message:
                rows = self.look.rows(named, message["author"], message["id"])
                self._stored_as = rows[0]["room"] if rows else ""
            return bool(self.look.rows(found, self._stored_as, message["seq"], message["rev"], message.get("id")))
        return True

    async def watch(self, events: Any) -> None:
        """What is shown."""
        async for event, payload in events:
            if payload.get("room") != self.room:
                continue
            if event == "reset":
                self.record.shown.append([])
            elif event == "message":
                self.record.shown[-1].append(payload["message"]["rev"])


class Listener(Hearing):
    """Is in the room of all, and says nothing."""

    def __init__(self, url: str, nickname: str, database: Where | None = None, **how: Any) -> None:
        super().__init__(nickname, ROOM, database)
        self.client = Client(url, nickname, wire=self.heard, **{"pauses": QUICK} | how)
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        events = self.client.events()
        self._watching = asyncio.create_task(self.watch(events))
        await self.client.__aenter__()
        self.copy = await self.client.enter(ROOM)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()
        if self._watching:
            self._watching.cancel()
        self.look.close()

    def heard(self, event: str, payload: dict[str, Any]) -> None:
        super().heard(event, payload)
        if event == "message" and payload["room"] != self.room:
            self.record.strays.append(payload["room"])


class Conversation:
    """`async with Conversation(server.database, urls=[...]) as talk`: everybody has entered; then `talk.begins()`.

    urls: of the server itself and of proxies in front of it; senders and listeners are spread over them, and over the
    transports. The listeners look into the database as they hear, unless `replaced`.
    """

    sender: type[Sender] = Sender

    def __init__(
        self,
        database: Where,
        urls: Iterable[str],
        *,
        senders: int = 4,
        listeners: int = 4,
        transports: tuple[tuple[str, ...], ...] = BOTH,
        look: bool = True,
        **how: Any,
    ) -> None:
        self.database, ways = database, [(url, one) for url in urls for one in transports]
        seen = database if look else None
        self.senders = [
            self.sender(ways[n % len(ways)][0], f"sender {n}", transports=ways[n % len(ways)][1], **how)
            for n in range(senders)
        ]
        self.listeners = [
            Listener(ways[n % len(ways)][0], f"listener {n}", seen, transports=ways[n % len(ways)][1], **how)
            for n in range(listeners)
        ]
        self._talking: list[asyncio.Task[None]] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        await asyncio.gather(*(self._stack.enter_async_context(one) for one in self.listeners))
        for sender in self.senders:
            await self._stack.enter_async_context(sender.client)
        await asyncio.gather(*(sender.client.enter(ROOM) for sender in self.senders))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.falls_silent()
        await self._stack.aclose()

    def begins(self) -> None:
        self._talking = [asyncio.create_task(sender.talk()) for sender in self.senders]

    def falls_silent(self) -> None:
        for task in self._talking:
            task.cancel()

    @property
    def acked(self) -> int:
        return sum(sender.acked for sender in self.senders)

    async def goes_on(self, acks: int, within: float = QUIET_WITHIN) -> None:
        """Wait until so many more words were acked."""
        wanted = self.acked + acks
        try:
            await self.sees(lambda: self.acked >= wanted, within)
        except TimeoutError as late:
            raise TimeoutError(f"{wanted - self.acked} of {acks} acks are missing: {late}") from None

    def _state(self) -> str:
        """How everybody is connected, or why not, and how many words of each sender are not acked."""
        senders = [
            f"{one.speech.nickname}: {one.client.transport or one.client.problem}, {len(one.unsure)} on their way"
            for one in self.senders
        ]
        return "; ".join(
            [*senders, *(f"a listener: {one.client.transport or one.client.problem}" for one in self.listeners)]
        )

    async def sees(self, condition: Callable[[], Any], within: float = QUIET_WITHIN) -> None:
        try:
            async with asyncio.timeout(within):
                while not condition():
                    self._notice()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise TimeoutError(self._state()) from None

    async def violations(self, within: float = QUIET_WITHIN) -> list[str]:
        """Wait until all is said and heard; then the judge's sentences, and none is what there should be. What is not
        quiet in time is one of them."""
        self.falls_silent()
        stored = checker.read(self.database, ROOM)
        with contextlib.suppress(TimeoutError):
            await self.sees(lambda: not any(sender.unsure for sender in self.senders), within)
            stored = checker.read(self.database, ROOM)
            # A change that was asked for last may come in while the listeners catch up.
            while any(one.rev < stored.rev for one in self.listeners):
                await self.sees(lambda rev=stored.rev: all(one.rev >= rev for one in self.listeners), within)
                stored = checker.read(self.database, ROOM)
        waiting = [
            f"{len(one.unsure)} words of {one.speech.nickname} are not acked" for one in self.senders if one.unsure
        ]
        speeches = [sender.speech for sender in self.senders]
        records = [listener.kept() for listener in self.listeners]
        return waiting + checker.violations(stored, speeches, records)

    def _notice(self) -> None:
        """A client or a speaker that broke down is a fault of its own, to be told as such."""
        clients = (one.client._session.running for one in (*self.senders, *self.listeners))
        for task in (*clients, *self._talking):
            if task and task.done() and not task.cancelled():
                task.result()
