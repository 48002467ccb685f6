"""A Python client that loses nothing: it comes back, catches up, and says again what nobody confirmed.

    async with Client("http://localhost:8000", "alice") as alice:
        lobby = await alice.enter("lobby")  # lobby.messages: the last page, and from now on everything
        message = await alice.say("lobby", "hello")  # as stored: {"seq": 1, "rev": 1, "id": "...", ...}
        async for event, payload in alice.events():  # every change once, in order, through any restart
            print(event, payload)

There is one way back, whatever happened: connect, join each room after the rev we know, sync until there is no more,
then send what has no ack yet with its old id. A line that does not answer is let fall like one that broke.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, Self

from app.model import Refused
from app.tools.line import Line
from app.tools.room import Answer, Copy, Hearing, Message, Words

__all__ = ["Client", "Copy", "Message"]

Event = tuple[str, dict[str, Any]]

GAP_PATIENCE = 0.3  # seconds that a missing rev may be on its way before it is asked for
STEADY_AFTER = 5.0  # seconds a line must last before the next pause is short again
PASSING = {"too_fast", "storage", "broken"}  # what is refused with these may pass later
BROKEN_TRIES = 4


class Client:
    """One person. `async with Client(url, nickname)` begins to connect; it goes on until `close`, whatever breaks.

    token: who we are, from an earlier `client.token`; the same person comes back. transports: tried in this order.
    patience: seconds without an answer after which a line is given up. pauses: the most that the first and that any
    pause between two attempts may take, in seconds (see `pause_after`). wire: hears every event as it comes from the
    wire, of which `events` gives the orderly account.
    """

    def __init__(
        self,
        url: str,
        nickname: str | None = None,
        *,
        token: str | None = None,
        transports: tuple[str, ...] = ("websocket", "polling"),
        patience: float = 10.0,
        pauses: tuple[float, float] = (1.0, 15.0),
        wire: Hearing | None = None,
    ) -> None:
        self.url, self.nickname, self.token, self.transports = url, nickname, token, transports
        self.patience, self.pauses, self.wire = patience, pauses, wire
        self.me: dict[str, str] = {}
        self.transport: str | None = None  # of the line that stands; None where there is none
        self.rooms: dict[str, Copy] = {}
        self._audience: set[asyncio.Queue[Event]] = set()
        self._entrances: asyncio.Queue[Copy] = asyncio.Queue()
        self._line: Line | None = None
        self._staying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._staying = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Go. What is unconfirmed by now stays unknown: its futures are cancelled."""
        if self._staying:
            self._staying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._staying
        for copy in self.rooms.values():
            copy.let_go()

    async def enter(self, room: str) -> Copy:
        """Sit down in a room, now and after every return. Its copy, once that is caught up. Raises Refused."""
        if room not in self.rooms:
            self.rooms[room] = Copy(room, self._tell)
            self._entrances.put_nowait(self.rooms[room])
        return await asyncio.shield(self.rooms[room].entered)

    async def leave(self, room: str) -> None:
        """Stand up. What is still unsaid there is not said any more."""
        if copy := self.rooms.pop(room, None):
            copy.let_go()
            with contextlib.suppress(ConnectionError):
                await self.ask("leave", {"room": room})

    def say(self, room: str, text: str, reply_to: int | None = None) -> asyncio.Future[Message]:
        """Say something in a room that was entered. It goes out when it can, once, in the order of saying; the future
        is the message as stored. The future raises Refused where the server will never take it."""
        words = Words(room, text, reply_to)
        self.rooms[room].outbox.append(words)
        self.rooms[room].stirred.set()
        return words.stored

    async def ask(self, verb: str, payload: dict[str, Any] | None = None) -> Answer:
        """The ack of a verb. Raises ConnectionError where there is no line, or none that answers: then nobody knows
        whether it was done."""
        if self._line is None:
            raise ConnectionError("not connected")
        return await self._line.ask(verb, payload or {}, self.patience)

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on: `message` for every change, in order and once; `reset {room}` where a room's copy
        starts over; `connection {transport}`, None where it is gone; and the server's people, typing, room, notice."""
        heard: asyncio.Queue[Event] = asyncio.Queue()
        self._audience.add(heard)
        return self._listen(heard)

    async def _listen(self, heard: asyncio.Queue[Event]) -> AsyncIterator[Event]:
        try:
            while True:
                yield await heard.get()
        finally:
            self._audience.discard(heard)

    # --- the line ---

    async def _stay(self) -> None:
        clock, failures = asyncio.get_running_loop().time, 0
        try:
            while True:
                began = clock()
                if line := await self._dial():
                    await self._use(line)
                failures = 0 if line and clock() - began > STEADY_AFTER else failures
                await asyncio.sleep(pause_after(failures, self.pauses))
                failures = min(failures + 1, 30)
        except Exception as error:  # a fault of ours: who waits must not wait for ever
            for copy in self.rooms.values():
                copy.let_go(error)
            raise

    async def _dial(self) -> Line | None:
        """A line that stands, on the first transport that works now."""
        for transport in self.transports:
            auth = {name: value for name, value in (("nickname", self.nickname), ("token", self.token)) if value}
            line = Line(transport, self._hear)
            with contextlib.suppress(ConnectionError):
                welcome = await line.open(self.url, auth)
                self.token, self.me = welcome.get("token", self.token), welcome["me"]
                return line
        return None

    async def _use(self, line: "Line") -> None:
        """Sit in every room until the line falls."""
        self._line, self.transport, self._entrances = line, line.transport, asyncio.Queue()
        self._tell("connection", {"transport": line.transport})
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(line.stands())
                for copy in self.rooms.values():
                    copy.task = tasks.create_task(self._keep(copy))
                while True:
                    copy = await self._entrances.get()
                    copy.task = tasks.create_task(self._keep(copy))
        except* ConnectionError:
            pass
        finally:
            self._line = self.transport = None
            for copy in self.rooms.values():
                copy.away()
            await line.close()
            self._tell("connection", {"transport": None})

    async def _keep(self, copy: Copy) -> None:
        """Join, catch up, say what waits, and mend what goes missing, as long as the line stands."""
        ack = await self._insist("join", copy)
        if not ack["ok"]:
            self.rooms.pop(copy.name, None)
            copy.let_go(Refused(ack["error"], ack["text"]))
            return
        copy.room, self.me = ack["room"], ack["me"]
        await self._catch_up(copy, copy.take(ack, ack["room"]["rev"]))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._mend(copy))
            tasks.create_task(self._speak(copy))

    async def _catch_up(self, copy: Copy, more: bool) -> None:
        while more:
            ack = await self._insist("sync", copy)
            if not ack["ok"]:
                raise ConnectionError(f"{ack['error']}: we do not sit in #{copy.name} any more")
            more = copy.take(ack, ack["rev"])
        copy.caught_up()

    async def _mend(self, copy: Copy) -> None:
        while True:
            await copy.gap.wait()
            await asyncio.sleep(GAP_PATIENCE)  # what is missing is mostly on its way
            copy.gap.clear()
            await self._catch_up(copy, copy.misses_some)

    async def _speak(self, copy: Copy) -> None:
        """One after the other: nothing overtakes what still waits for its ack."""
        while True:
            while copy.outbox:
                await self._deliver(copy, copy.outbox[0])
            copy.stirred.clear()
            await copy.stirred.wait()

    async def _deliver(self, copy: Copy, words: Words) -> None:
        ack = await self.ask("send", words.payload())
        words.tries += ack.get("error") == "broken"
        if ack["ok"]:
            copy.hear(ack["message"])
        elif ack["error"] == "not_member":
            raise ConnectionError(f"we do not sit in #{copy.name} any more")
        elif ack["error"] in PASSING and words.tries < BROKEN_TRIES:
            await asyncio.sleep(ack.get("retry_after", 1.0))
            return
        copy.outbox.popleft()
        if not words.stored.done():
            if ack["ok"]:
                words.stored.set_result(ack["message"])
            else:
                words.stored.set_exception(Refused(ack["error"], ack["text"]))

    async def _insist(self, verb: str, copy: Copy) -> Answer:
        while True:
            ack = await self.ask(verb, copy.wish())
            if ack["ok"] or ack["error"] not in PASSING:
                return ack
            await asyncio.sleep(ack.get("retry_after", 1.0))

    def _hear(self, event: str, payload: dict[str, Any]) -> None:
        if self.wire:
            self.wire(event, payload)
        if event in ("message", "react"):
            if copy := self.rooms.get(payload["room"]):
                copy.hear(payload["message"] if event == "message" else payload)
            return
        if event == "room" and (copy := self.rooms.get(payload["room"]["name"])):
            copy.room = payload["room"]
        self._tell(event, payload)

    def _tell(self, event: str, payload: dict[str, Any]) -> None:
        for queue in self._audience:
            queue.put_nowait((event, payload))


def pause_after(failures: int, pauses: tuple[float, float]) -> float:
    """Seconds until the next attempt: drawn evenly between a quarter of a ceiling and all of it. The ceiling doubles
    with each failure, from the first of `pauses` to the second. A crowd that lost its server in one moment comes back
    spread over three quarters of a second, and over more each time; static/js/backoff.js does the same."""
    return min(pauses[0] * 2.0**failures, pauses[1]) * random.uniform(0.25, 1)  # noqa: S311
