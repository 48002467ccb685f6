"""Keeps one person connected: connects, reconnects, and keeps every room up to date on each new connection."""

import asyncio
import contextlib
import logging
import os
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from app.model import Refused
from app.tools.client.connection import Connection, NotConnected
from app.tools.client.outbox import PendingMessage
from app.tools.client.room import Room
from app.tools.client.shapes import Answer, Event, EventHandler, Me, is_temporary, refusal

log = logging.getLogger("parlor.client")

GAP_WAIT_S = 0.3  # a missing rev may be on its way for so long before it is asked for
STEADY_AFTER_S = 5.0  # a connection must last so long before the next pause is short again
MAX_TRIES = 4  # where the answer is `broken`
ASK_AGAIN_S = 0.1  # after a connection was lost under a question


class Identity:
    """Who connects. file: keeps the token, for its owner alone; one that is there already is used. A token that was
    given is this person or nobody: where it is not taken, one is not to become somebody else unnoticed.

    Raises OSError where the file is there and cannot be read.
    """

    def __init__(self, nickname: str | None, token: str | None, file: Path | None) -> None:
        self.nickname, self.token, self.file = nickname, token, file
        self.me: Me = {"id": "", "nickname": ""}
        self.refused: Refused | None = None  # then it is not tried any more
        self._is_given = bool(token)
        if not token and file and file.exists():
            self.token = file.read_text("utf-8").strip() or None

    @property
    def auth(self) -> dict[str, str]:
        return {name: value for name, value in (("nickname", self.nickname), ("token", self.token)) if value}

    def welcomed(self, welcome: Answer) -> None:
        """Raises Refused: `bad_token`."""
        if self._is_given and "token" in welcome:
            raise Refused("bad_token", "This token is not good on this site, or no longer.")
        self.told(welcome)

    def told(self, answer: Answer) -> None:
        """The server says who this is: in its welcome, and after a change."""
        self.me = answer.get("me", self.me)
        if (token := answer.get("token")) and token != self.token:
            self.token = token
            if self.file:
                try:
                    write_token(self.file, token)
                except OSError as error:
                    log.warning("the token cannot be kept in %s: %s", self.file, error)


def write_token(file: Path, token: str) -> None:
    """All of it or nothing, whenever the process ends; nobody else can read it."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as new:
        new.write(f"{token}\n")
    Path(name).replace(file)


class Listeners:
    """Those who read the events of a client, each at their own pace."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()

    def emit(self, event: str, payload: dict[str, Any]) -> None:
        for queue in self._queues:
            queue.put_nowait((event, payload))

    def events(self) -> AsyncIterator[Event]:
        """From now on, not from the first look on."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queues.add(queue)
        return self._listen(queue)

    def close(self) -> None:
        for queue in self._queues:
            queue.put_nowait(None)

    async def _listen(self, queue: "asyncio.Queue[Event | None]") -> AsyncIterator[Event]:
        try:
            while one := await queue.get():
                yield one
        finally:
            self._queues.discard(queue)


class Session:
    """See Client, which is the same for those who use it. problem: why there is no connection, in words."""

    def __init__(
        self,
        url: str,
        identity: Identity,
        transports: tuple[str, ...],
        patience: float,
        pauses: tuple[float, float],
        wire: EventHandler | None,
    ) -> None:
        self.url, self.identity = url, identity
        self.rooms: dict[str, Room] = {}
        self.listeners = Listeners()
        self.connection: Connection | None = None
        self.problem = ""
        self.running: asyncio.Task[None] | None = None
        self._transports, self._patience, self._pauses, self._wire = transports, patience, pauses, wire
        self._new_rooms: asyncio.Queue[Room] = asyncio.Queue()

    def start(self) -> None:
        self.running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self.running:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running
        for room in self.rooms.values():
            room.close()
        self.listeners.close()

    def enter(self, name: str, entry: dict[str, Any]) -> Room:
        """The room, which is joined now and after every reconnect."""
        if name in self.rooms:
            return self.rooms[name]
        room = Room(name, self, self.listeners.emit, entry)
        if self.identity.refused:
            room.close(self.identity.refused)
            return room
        self.rooms[name] = room
        self._new_rooms.put_nowait(room)
        return room

    async def leave(self, room: str) -> None:
        if left := self.rooms.pop(room, None):
            left.close()
            with contextlib.suppress(ConnectionError):
                await self.ask("leave", {"room": room})

    def events(self) -> AsyncIterator[Event]:
        return self.listeners.events()

    async def ask(self, verb: str, payload: dict[str, Any]) -> Answer:
        """The ack. Raises ConnectionError."""
        if self.connection is None:
            raise NotConnected(self.problem or "not connected")
        answer = await self.connection.ask(verb, payload, self._patience)
        if answer["ok"] and verb in ("identify", "rename", "reserve", "status"):
            self.identity.told(answer)
        return answer

    async def do(self, verb: str, payload: dict[str, Any]) -> Answer:
        """The ack, asked for until there is one. Raises Refused."""
        room, tries = self.rooms.get(payload.get("room", "")), 0
        while True:
            if room and room.over:
                raise room.over
            if self.identity.refused:
                raise self.identity.refused
            try:
                answer = await self.ask(verb, payload)
            except ConnectionError:
                await asyncio.sleep(ASK_AGAIN_S)
                continue
            tries += answer.get("error") == "broken"
            if answer["ok"]:
                return answer
            if answer["error"] == "not_member" and room and self.rooms.get(room.name) is room:
                await asyncio.sleep(ASK_AGAIN_S)  # it is about to be joined again
            elif is_temporary(answer) and tries < MAX_TRIES:
                await asyncio.sleep(answer.get("retry_after", 1.0))
            else:
                raise refusal(answer)

    # --- the connection ---

    async def _run(self) -> None:
        clock, failures = asyncio.get_running_loop().time, 0
        try:
            while True:
                began = clock()
                connection, wait = await self._connect()
                if connection:
                    await self._use(connection)
                failures = 0 if connection and clock() - began > STEADY_AFTER_S else failures
                pause = max(wait, pause_after(failures, self._pauses))
                self._told_connection(None, pause)
                await asyncio.sleep(pause)
                failures = min(failures + 1, 30)
        except Refused as refusal:  # it will never be let in
            self.identity.refused, self.problem = refusal, refusal.text
            self._told_connection(None, 0)
            for room in list(self.rooms.values()):
                self.close_room(room, refusal)
        except Exception as error:  # a bug of ours: nobody must wait for ever
            for room in self.rooms.values():
                room.close(error)
            raise

    def _told_connection(self, transport: str | None, pause: float | None = None) -> None:
        told: dict[str, Any] = {"transport": transport}
        if pause is not None:
            told |= {"problem": self.problem, "retry_in": round(pause, 1)}
            log.info("no connection to %s: %s; next attempt in %.1f s", self.url, self.problem, pause)
        self.listeners.emit("connection", told)

    async def _connect(self) -> tuple[Connection | None, float]:
        """A new connection, on the first transport that works now; or else the seconds that the server wants one to
        wait before the next attempt."""
        wait = 0.0
        for transport in self._transports:
            connection = Connection(transport, self._on_event)
            try:
                self.identity.welcomed(await connection.open(self.url, self.identity.auth))
            except Refused:
                await connection.close()
                raise
            except ConnectionError as error:
                self.problem = str(error)
                wait = max(wait, getattr(error, "retry_after", 0.0))
            else:
                return connection, 0
        return None, wait

    async def _use(self, connection: Connection) -> None:
        """Join every room and keep it up to date until the connection is lost."""
        self.connection, self._new_rooms, self.problem = connection, asyncio.Queue(), ""
        log.info("connected to %s by %s as %s", self.url, connection.transport, self.identity.me["nickname"])
        self._told_connection(connection.transport)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.wait_lost())
                for room in self.rooms.values():
                    room.task = tasks.create_task(_Upkeep(self, room).run())
                while True:
                    room = await self._new_rooms.get()
                    room.task = tasks.create_task(_Upkeep(self, room).run())
        except* ConnectionError as errors:
            self.problem = str(errors.exceptions[0])
        finally:
            self.connection = None
            for room in self.rooms.values():
                room.copy.disconnected()
            await connection.close()

    def _on_event(self, event: str, payload: dict[str, Any]) -> None:
        if self._wire:
            self._wire(event, payload)
        about = payload.get("room") if event != "room" else payload["room"]["name"]
        room = self.rooms.get(about) if isinstance(about, str) else None
        if event in ("message", "react"):
            if room:
                room.copy.receive(payload["message"] if event == "message" else payload)
            return
        if event == "me":
            self.identity.told(payload)
        if event == "room" and room:
            room.copy.describe(payload["room"])
        if event == "standing" and room:
            room.copy.room = {name: value for name, value in room.info.items() if name not in ("role", "muted")}
            room.copy.room |= {name: value for name, value in payload.items() if name != "room"}
        if event == "removed" and room:
            self.close_room(room, refusal(payload))
            return
        self.listeners.emit(event, payload)

    def close_room(self, room: Room, error: Refused) -> None:
        """One is not in the room any more: who waits for something there is told, and so are the listeners."""
        self.rooms.pop(room.name, None)
        was_in = room.entered.done()
        log.info("not in #%s any more: %s", room.name, error.text)
        room.close(error)
        if was_in:
            self.listeners.emit("removed", {"room": room.name, "error": error.code, "text": error.text, **error.extra})


class _Upkeep:
    """Keeps one room up to date on one connection: joins it, catches up, sends what waits and fills gaps."""

    def __init__(self, session: Session, room: Room) -> None:
        self._session, self._room, self._copy = session, room, room.copy

    async def run(self) -> None:
        room, copy = self._room, self._copy
        ack = await self._ask_until_answered("join", room.entry)
        if not ack["ok"]:
            self._session.close_room(room, refusal(ack))
            return
        room.entry = {name: value for name, value in room.entry.items() if name == "passphrase"}
        copy.room = ack["room"]
        self._session.identity.told({"me": ack["me"]})
        more = copy.apply_page(ack, ack["room"]["rev"])
        if not room.entered.done():
            room.was_said = copy.said_before
        await self._catch_up(more)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fill_gaps())
            tasks.create_task(self._send_outbox())

    async def _catch_up(self, more: bool) -> None:
        copy, room = self._copy, self._room
        while more:
            ack = await self._ask_until_answered("sync")
            if not ack["ok"]:
                raise ConnectionError(f"{ack['error']}: not a member of #{copy.name} any more")
            more = copy.apply_page(ack, ack["rev"])
        copy.caught_up()
        self._session.listeners.emit("caught_up", {"room": copy.name})
        if not room.entered.done():
            room.entered.set_result(room)

    async def _fill_gaps(self) -> None:
        copy = self._copy
        while True:
            await copy.gap.wait()
            await asyncio.sleep(GAP_WAIT_S)  # what is missing is mostly on its way
            copy.gap.clear()
            await self._catch_up(copy.has_gap)

    async def _send_outbox(self) -> None:
        """One after the other: no message overtakes one that waits for its ack."""
        outbox = self._room.outbox
        while True:
            while message := outbox.first:
                await self._deliver(message)
            outbox.changed.clear()
            await outbox.changed.wait()

    async def _deliver(self, message: PendingMessage) -> None:
        ack = await self._session.ask("send", message.payload())
        message.tries += ack.get("error") == "broken"
        if ack["ok"]:
            self._copy.receive(ack["message"])
        elif ack["error"] == "not_member":
            raise ConnectionError(f"not a member of #{self._copy.name} any more")
        elif is_temporary(ack) and message.tries < MAX_TRIES:
            self._session.listeners.emit("waiting", {"room": self._copy.name, "id": message.id, "text": ack["text"]})
            await asyncio.sleep(ack.get("retry_after", 1.0))
            return
        self._room.outbox.done(message, ack["message"] if ack["ok"] else refusal(ack))

    async def _ask_until_answered(self, verb: str, more: dict[str, Any] | None = None) -> Answer:
        while True:
            ack = await self._session.ask(verb, self._copy.cursor() | (more or {}))
            if ack["ok"] or not is_temporary(ack):
                return ack
            await asyncio.sleep(ack.get("retry_after", 1.0))


def pause_after(failures: int, pauses: tuple[float, float]) -> float:
    """Seconds until the next attempt: drawn evenly between a quarter of a ceiling and all of it. The ceiling doubles
    with each failure, from the first of `pauses` to the second. After a restart of the server its clients so come
    back one by one. static/js/backoff.js does the same."""
    return min(pauses[0] * 2.0**failures, pauses[1]) * random.uniform(0.25, 1)  # noqa: S311
