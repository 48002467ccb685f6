"""A Python client that loses nothing: it reconnects, catches up, and sends again what was not confirmed.

    async with Client("http://localhost:8000", "alice") as alice:
        lobby = await alice.enter("lobby")  # lobby.messages: the last page, and from now on everything
        message = await alice.say("lobby", "hello")  # as stored: {"seq": 1, "rev": 1, "id": "...", ...}
        async for event, payload in alice.events():  # every change once, in order, through any restart
            print(event, payload)

After every kind of failure it does the same: connect, join each room after the rev it has, sync until there is no more,
then send what has no ack yet, with its old id. A connection that does not answer counts as lost.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, Self

from app.model import Refused
from app.tools.connection import Connection
from app.tools.room import Answer, Copy, EventHandler, Message, PendingMessage

__all__ = ["Client", "Copy", "Message"]

Event = tuple[str, dict[str, Any]]

GAP_WAIT_S = 0.3  # a missing rev may be on its way for so long before it is asked for
STEADY_AFTER_S = 5.0  # a connection must last so long before the next pause is short again
TEMPORARY = {"too_fast", "storage", "broken"}  # refusals after which it is tried again
MAX_TRIES = 4  # where the answer is `broken`


class Client:
    """One person. `async with Client(url, nickname)` begins to connect, and reconnects until `close`.

    token: from an earlier `client.token`, to be the same person again. transports: tried in this order. patience:
    seconds without an answer after which a connection counts as lost. pauses: the longest first and the longest later
    pause between two attempts, in seconds (see `pause_after`). wire: called with every event as it arrives; `events`
    gives them in order and once.
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
        wire: EventHandler | None = None,
    ) -> None:
        self.url, self.nickname, self.token, self.transports = url, nickname, token, transports
        self.patience, self.pauses, self.wire = patience, pauses, wire
        self.me: dict[str, str] = {}
        self.transport: str | None = None  # of the present connection; None where there is none
        self.rooms: dict[str, Copy] = {}
        self._listeners: set[asyncio.Queue[Event]] = set()
        self._new_rooms: asyncio.Queue[Copy] = asyncio.Queue()
        self._connection: Connection | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect for good. Whether unconfirmed messages were stored stays unknown: their futures are cancelled."""
        if self._running:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        for copy in self.rooms.values():
            copy.close()

    async def enter(self, room: str) -> Copy:
        """Join a room, now and after every reconnect. Returns its copy once that is caught up. Raises Refused."""
        if room not in self.rooms:
            self.rooms[room] = Copy(room, self._emit)
            self._new_rooms.put_nowait(self.rooms[room])
        return await asyncio.shield(self.rooms[room].entered)

    async def leave(self, room: str) -> None:
        """Leave the room. Messages that still wait for it are not sent any more."""
        if copy := self.rooms.pop(room, None):
            copy.close()
            with contextlib.suppress(ConnectionError):
                await self.ask("leave", {"room": room})

    def say(self, room: str, text: str, reply_to: int | None = None) -> asyncio.Future[Message]:
        """Send a message to a room that was entered. It is sent as soon as possible, once, in the order of the calls.
        The future gives the message as stored, or raises Refused where the server will never accept it."""
        message = PendingMessage(room, text, reply_to)
        self.rooms[room].outbox.append(message)
        self.rooms[room].outbox_changed.set()
        return message.stored

    async def ask(self, verb: str, payload: dict[str, Any] | None = None) -> Answer:
        """The ack of a verb. Raises ConnectionError where there is no connection, or no answer: whether it was done is
        then unknown."""
        if self._connection is None:
            raise ConnectionError("not connected")
        answer = await self._connection.ask(verb, payload or {}, self.patience)
        if verb == "identify":  # another token, of whom this is from now on
            self.token, self.me = answer.get("token", self.token), answer.get("me", self.me)
        return answer

    def events(self) -> AsyncIterator[Event]:
        """The events from now on: `message` for every change, in order and once; `reset {room}` where a room's copy
        starts over; `connection {transport}`, None where it is lost; and the server's people, typing, room, notice."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.add(queue)
        return self._listen(queue)

    async def _listen(self, queue: asyncio.Queue[Event]) -> AsyncIterator[Event]:
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    # --- the connection ---

    async def _run(self) -> None:
        clock, failures = asyncio.get_running_loop().time, 0
        try:
            while True:
                began = clock()
                if connection := await self._connect():
                    await self._use(connection)
                failures = 0 if connection and clock() - began > STEADY_AFTER_S else failures
                await asyncio.sleep(pause_after(failures, self.pauses))
                failures = min(failures + 1, 30)
        except Exception as error:  # a bug of ours: nobody must wait for ever
            for copy in self.rooms.values():
                copy.close(error)
            raise

    async def _connect(self) -> Connection | None:
        """A new connection, on the first transport that works now."""
        for transport in self.transports:
            auth = {name: value for name, value in (("nickname", self.nickname), ("token", self.token)) if value}
            connection = Connection(transport, self._on_event)
            with contextlib.suppress(ConnectionError):
                welcome = await connection.open(self.url, auth)
                self.token, self.me = welcome.get("token", self.token), welcome["me"]
                return connection
        return None

    async def _use(self, connection: Connection) -> None:
        """Join every room and keep it up to date until the connection is lost."""
        self._connection, self.transport, self._new_rooms = connection, connection.transport, asyncio.Queue()
        self._emit("connection", {"transport": connection.transport})
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.wait_lost())
                for copy in self.rooms.values():
                    copy.task = tasks.create_task(self._update(copy))
                while True:
                    copy = await self._new_rooms.get()
                    copy.task = tasks.create_task(self._update(copy))
        except* ConnectionError:
            pass
        finally:
            self._connection = self.transport = None
            for copy in self.rooms.values():
                copy.disconnected()
            await connection.close()
            self._emit("connection", {"transport": None})

    async def _update(self, copy: Copy) -> None:
        """Join, catch up, send what waits, and fill gaps, as long as the connection is up."""
        ack = await self._ask_until_answered("join", copy)
        if not ack["ok"]:
            self.rooms.pop(copy.name, None)
            copy.close(Refused(ack["error"], ack["text"]))
            return
        copy.room, self.me = ack["room"], ack["me"]
        await self._catch_up(copy, copy.apply_page(ack, ack["room"]["rev"]))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fill_gaps(copy))
            tasks.create_task(self._send_outbox(copy))

    async def _catch_up(self, copy: Copy, more: bool) -> None:
        while more:
            ack = await self._ask_until_answered("sync", copy)
            if not ack["ok"]:
                raise ConnectionError(f"{ack['error']}: not a member of #{copy.name} any more")
            more = copy.apply_page(ack, ack["rev"])
        copy.caught_up()

    async def _fill_gaps(self, copy: Copy) -> None:
        while True:
            await copy.gap.wait()
            await asyncio.sleep(GAP_WAIT_S)  # what is missing is mostly on its way
            copy.gap.clear()
            await self._catch_up(copy, copy.has_gap)

    async def _send_outbox(self, copy: Copy) -> None:
        """One after the other: no message overtakes one that waits for its ack."""
        while True:
            while copy.outbox:
                await self._deliver(copy, copy.outbox[0])
            copy.outbox_changed.clear()
            await copy.outbox_changed.wait()

    async def _deliver(self, copy: Copy, message: PendingMessage) -> None:
        ack = await self.ask("send", message.payload())
        message.tries += ack.get("error") == "broken"
        if ack["ok"]:
            copy.receive(ack["message"])
        elif ack["error"] == "not_member":
            raise ConnectionError(f"not a member of #{copy.name} any more")
        elif _is_temporary(ack) and message.tries < MAX_TRIES:
            await asyncio.sleep(ack.get("retry_after", 1.0))
            return
        copy.outbox.popleft()
        if not message.stored.done():
            if ack["ok"]:
                message.stored.set_result(ack["message"])
            else:
                message.stored.set_exception(Refused(ack["error"], ack["text"]))

    async def _ask_until_answered(self, verb: str, copy: Copy) -> Answer:
        while True:
            ack = await self.ask(verb, copy.cursor())
            if ack["ok"] or ack["error"] not in TEMPORARY:
                return ack
            await asyncio.sleep(ack.get("retry_after", 1.0))

    def _on_event(self, event: str, payload: dict[str, Any]) -> None:
        if self.wire:
            self.wire(event, payload)
        if event in ("message", "react"):
            if copy := self.rooms.get(payload["room"]):
                copy.receive(payload["message"] if event == "message" else payload)
            return
        if event == "room" and (copy := self.rooms.get(payload["room"]["name"])):
            copy.room = payload["room"]
        self._emit(event, payload)

    def _emit(self, event: str, payload: dict[str, Any]) -> None:
        for queue in self._listeners:
            queue.put_nowait((event, payload))


def _is_temporary(ack: Answer) -> bool:
    """False for a message that will never be taken."""
    return ack["error"] in TEMPORARY or (ack["error"] == "too_many" and "retry_after" in ack)


def pause_after(failures: int, pauses: tuple[float, float]) -> float:
    """Seconds until the next attempt: drawn evenly between a quarter of a ceiling and all of it. The ceiling doubles
    with each failure, from the first of `pauses` to the second. After a restart of the server its clients so come
    back one by one. static/js/backoff.js does the same."""
    return min(pauses[0] * 2.0**failures, pauses[1]) * random.uniform(0.25, 1)  # noqa: S311
