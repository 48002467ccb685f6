"""Server-sent events of a room, `/r/{room}/events`: every message as it is told, and as it looks when it changes. The
id of an event is the rev of the change, so that whoever comes back with `Last-Event-ID` misses nothing.
"""

import asyncio
import logging
import random
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

import orjson

from app.chat import Chat, access
from app.chat.direct import is_direct, stored_for
from app.chat.kinds import LARGEST, room_as_typed
from app.chat.messages import changes
from app.chat.missed import about
from app.engineio.http import PLAIN as PLAIN_TEXT
from app.engineio.http import HttpConnection
from app.engineio.request import BadRequest, Request
from app.engineio.server import EngineServer, Refusal
from app.engineio.stream import Comments, EventStream, event
from app.live.broadcaster import PLAIN, Broadcaster, Event
from app.live.plain import Visitor, tokens_of
from app.model import Refused
from app.socketio.queue import Tasks

log = logging.getLogger("parlor.live")

RETRY_MS = 1_000, 3_000  # after which a reader comes again, each at another time
TRY_AGAIN_S = 1.0  # after the database could not be read
STATUS = {"bad_room": 400, "bad_payload": 400, "no_such_room": 404, "storage": 503}
ALLOW = "Allow: GET, HEAD, OPTIONS\r\n"

_ID = re.compile(r"(\d{1,16})(?::([0-9a-f]{32}))?", re.ASCII)
_EPOCH = re.compile(r"[0-9a-f]{32}", re.ASCII)

Message = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """What a request asks for, and the tokens that it shows. after: the rev behind which to go on; None: from now on.
    epoch: of which history that is, where the reader knows. tells_epoch: it is told in every id, so that it comes back
    with the reader."""

    tokens: tuple[str, ...]
    room: str
    after: int | None
    epoch: str | None
    tells_epoch: bool


def asked_of(request: Request, tokens: Iterable[str]) -> Asked:
    """Raises Refused."""
    room = room_as_typed(unquote(request.path.rstrip("/").split("/")[-2]))
    epoch = request.query.get("epoch") or None
    if epoch is not None and not _EPOCH.fullmatch(epoch):
        raise Refused("bad_payload", "“epoch” is the name of the room's history, as the room told it.")
    last = request.get("Last-Event-ID").strip() or request.query.get("after", "")
    if not last:
        return Asked(tuple(tokens), room, None, epoch, "epoch" in request.query)
    found = _ID.fullmatch(last)
    if found is None or int(found[1]) > LARGEST:
        raise Refused("bad_payload", "The last event's id, or “after”, is the rev of a message: a number.")
    return Asked(
        tuple(tokens), room, int(found[1]), found[2] or epoch, "epoch" in request.query or found[2] is not None
    )


class RoomStream:
    """One reader. It hears the room, and where that is not enough (it comes back, or something else than a message
    changed) it reads what changed. room: the name under which it is stored. rev: up to which it has been told; None:
    not known yet."""

    def __init__(self, stream: EventStream, chat: Chat, asked: Asked, room: str) -> None:
        self.id = PLAIN + secrets.token_urlsafe(12)
        self.asked, self.room = asked, room
        self.rev, self.epoch = asked.after, asked.epoch or chat.epoch
        self.stream, self._chat = stream, chat
        self._newest = 0  # rev that is known to exist
        self._is_reading = True  # what changed: until then nothing that is heard is told
        self._writable = asyncio.Event()
        self.on_rules: Callable[[], None] = lambda: None
        self.on_behind: Callable[[], None] = lambda: None
        stream.on_writable(self._writable.set)
        stream.on_end(self._writable.set)

    # --- as the broadcaster knows it ---

    def hear(self, event: Event) -> None:
        if event.name == "room":
            self.on_rules()
        elif event.name in ("message", "react"):
            is_message = event.name == "message"
            rev = (event.payload["message"] if is_message else event.payload)["rev"]
            self._newest = max(self._newest, rev)
            if self._is_reading or self.rev is None:
                return
            if is_message and rev == self.rev + 1:
                self.rev = rev
                self.stream.send(_with_id(event, self._id(rev)) if self.asked.tells_epoch else event.made(_as_told))
            elif rev > self.rev:
                self.look()

    def end(self) -> None:
        self.stream.end()

    def look(self) -> None:
        """Read what changed, unless that is done already."""
        if not self._is_reading:
            self._is_reading = True
            self.on_behind()

    # --- what changed ---

    async def catch_up(self) -> None:
        """Tell everything up to now, page by page, as fast as the reader takes it. Returns when the room can be heard
        from there on, or the stream has ended."""
        try:
            while self.stream.is_open:
                await self._take_page()
                if not self._is_reading:
                    return
                await asyncio.sleep(0)  # what was sent in this tick is on its way
        except Exception:
            self.stream.abort()  # the reader comes again
            raise

    async def _take_page(self) -> None:
        while self.stream.is_open and self.stream.is_behind:
            self._writable.clear()
            await self._writable.wait()
        try:
            room, missed = await changes(self._chat, self.room, self.rev, self.epoch)
        except Refused as refusal:
            if refusal.code == "no_such_room":  # any more
                self.stream.end()
            await asyncio.sleep(TRY_AGAIN_S)
            return
        if not self.stream.is_open:
            return
        if missed.get("reset"):
            self.epoch = room["epoch"]
            self._tell_reset(missed)
        else:
            for message in missed["messages"]:
                self._tell(message)
        is_last = not missed["more"]
        self.rev = missed["rev"] if is_last else missed["messages"][-1]["rev"]
        self._is_reading = not is_last or self._newest > missed["rev"]
        if self._is_reading and not missed["messages"]:  # the database cannot be read, and this was known before
            await asyncio.sleep(TRY_AGAIN_S)

    def _tell_reset(self, missed: dict[str, Any]) -> None:
        """More has changed than is told, or it is another history: the reader starts over with what is told next."""
        told = {"room": self.asked.room, "rev": missed["rev"], "epoch": self.epoch}
        id = "" if missed["messages"] else self._id(missed["rev"])
        self.stream.send(event("reset", orjson.dumps(told).decode(), id))
        for message in sorted(missed["messages"], key=lambda one: int(one["rev"])):
            self._tell(message)
        self._newest = missed["rev"]

    def _tell(self, message: Message) -> None:
        self.stream.send(event("message", orjson.dumps(message).decode(), self._id(message["rev"])))

    def _id(self, rev: int) -> str:
        return f"{rev}:{self.epoch}" if self.asked.tells_epoch else str(rev)


def _as_told(heard: Event) -> bytes:
    return _with_id(heard, str(heard.payload["message"]["rev"]))


def _with_id(heard: Event, id: str) -> bytes:
    return event("message", heard.made(_message_json), id)


def _message_json(heard: Event) -> str:
    return orjson.dumps(heard.payload["message"]).decode()


class RoomEvents:
    """To be attached at `/r/{room}/events`."""

    max_body = 0

    def __init__(self, engine: EngineServer, chat: Chat, broadcaster: Broadcaster, visitor: Visitor) -> None:
        self._engine, self._chat, self._broadcaster, self._visitor = engine, chat, broadcaster, visitor
        self._streams: dict[str, set[RoomStream]] = {}  # by room
        self._comments = Comments()
        self._tasks = Tasks("a stream of events could not go on")
        self._rechecking: set[str] = set()

    def __len__(self) -> int:
        return sum(map(len, self._streams.values()))

    def close_all(self) -> None:
        self._tasks.cancel()
        for one in self._all():
            one.end()

    def start_over(self) -> None:
        """The database holds another history now."""
        for one in self._all():
            one.look()

    def _all(self) -> list[RoomStream]:
        return [one for streams in self._streams.values() for one in streams]

    # --- as a service of a connection ---

    def expect(self, request: Request, connection: HttpConnection) -> None:
        """No request here has a body."""

    def refuse(self, request: Request, connection: HttpConnection, fault: BadRequest) -> None:
        connection.fail(fault, request, PLAIN_TEXT + self._engine.admission.headers_for(request).encode())

    def handle(self, request: Request, connection: HttpConnection) -> None:
        headers = self._engine.admission.headers_for(request)
        try:
            address = self._check(request)
        except Refusal as refusal:
            headers += refusal.headers + (ALLOW if refusal.status in (204, 405) else "")
            connection.answer(refusal.status, PLAIN_TEXT + headers.encode(), str(refusal).encode())
            return
        stream = EventStream(connection, self._comments)
        stream.on_end(partial(self._engine.settings.addresses.leave, address))
        self._tasks.begin(self._open(request, stream, headers))

    def _check(self, request: Request) -> str:
        """The visitor's address. Raises Refusal."""
        self._engine.admission.check_origin(request)
        if request.method == "OPTIONS":
            raise Refusal(2, "", status=204)
        if request.method not in ("GET", "HEAD"):
            raise Refusal(2, "This address is read by GET.", status=405)
        return self._engine.admission.enter(request)

    async def _open(self, request: Request, stream: EventStream, headers: str) -> None:
        try:
            own = self._engine.admission.origins.is_own_page(request)
            asked = asked_of(request, [*tokens_of(request), *(self._visitor.cookies(request) if own else [])])
            if not request.path.endswith(place := f"/{asked.room}/events"):
                _redirect(request, stream, place, headers)
                return
            await self._begin(request, stream, headers, asked)
        except Refused as refusal:
            self._chat.counts.refused(refusal.answer())
            again = f"Retry-After: {TRY_AGAIN_S:.0f}\r\n" if refusal.code == "storage" else ""
            kind = f"Content-Type: application/json\r\n{again}"
            body = orjson.dumps(refusal.answer())
            stream.answer(STATUS.get(refusal.code, 400), kind + headers, body)

    async def _begin(self, request: Request, stream: EventStream, headers: str, asked: Asked) -> None:
        """Raises Refused."""
        chat = self._chat
        await chat.tokens.ready()
        room = await _readable(chat, asked)
        if request.method == "HEAD":
            stream.answer(200, "Content-Type: text/event-stream; charset=UTF-8\r\n" + headers)
            return
        one = RoomStream(stream, chat, asked, room)
        one.on_rules, one.on_behind = partial(self._recheck_soon, room), lambda: self._tasks.begin(one.catch_up())
        self._enter(one)
        try:
            await chat.broadcaster.follow(room)
            await _readable(chat, asked)  # again: a ban that fell meanwhile was not heard
            if one.rev is None:
                one.rev = (await about(chat.store, room))["rev"]
        except Refused:
            self._leave(one)
            raise
        if not stream.is_open:
            return
        stream.begin(headers, self._engine.settings.outbox_limit)
        if self._engine.settings.max_age is not None:
            age = self._engine.settings.max_age * random.uniform(0.9, 1)  # noqa: S311
            stream.on_end(asyncio.get_running_loop().call_later(age, stream.end).cancel)
        retry = random.randint(*RETRY_MS)  # noqa: S311
        stream.send(f": {asked.room} after {one.rev}, history {chat.epoch}\nretry: {retry}\n\n".encode())
        await one.catch_up()

    # --- who reads what ---

    def _enter(self, one: RoomStream) -> None:
        self._streams.setdefault(one.room, set()).add(one)
        self._broadcaster.register(one.id, one)
        self._chat.broadcaster.subscribe(one.id, one.room, one.asked.room)
        one.stream.on_end(partial(self._leave, one))  # at once, where its reader has gone meanwhile

    def _leave(self, one: RoomStream) -> None:
        here = self._streams.get(one.room, set())
        if one not in here:
            return
        here.discard(one)
        if not here:
            del self._streams[one.room]
        self._chat.broadcaster.unsubscribe(one.id, one.room)
        self._broadcaster.unregister(one.id)

    def _recheck_soon(self, room: str) -> None:
        if room not in self._rechecking and not is_direct(room):
            self._rechecking.add(room)
            self._tasks.begin(self._recheck(room))

    async def _recheck(self, room: str) -> None:
        """The room's rules have changed: whoever may not read it any more hears no more of it."""
        await asyncio.sleep(0)  # all of them have heard it by then
        self._rechecking.discard(room)
        answers: dict[tuple[str, ...], bool] = {}
        for one in list(self._streams.get(room, ())):
            who = one.asked.tokens
            if who not in answers:
                answers[who] = await self._may_read(room, who)
            if not answers[who]:
                text = f"You may not read #{room} any more."
                told = {"room": room, "error": "not_allowed", "text": text}
                one.stream.send(event("removed", orjson.dumps(told).decode()))
                one.end()

    async def _may_read(self, room: str, tokens: tuple[str, ...]) -> bool:
        while True:
            try:
                return await access.may_read(self._chat, room, tokens)
            except Refused as refusal:
                if refusal.code == "no_such_room":
                    return False
                await asyncio.sleep(TRY_AGAIN_S)


async def _readable(chat: Chat, asked: Asked) -> str:
    """The name under which the room is stored, which may be read. Raises Refused."""
    if is_direct(asked.room):
        room = await stored_for(chat, asked.tokens, asked.room)
        await about(chat.store, room)
        return room
    if not await access.may_read(chat, asked.room, asked.tokens):
        raise Refused("no_such_room", f"There is no room #{asked.room} that you may read.")
    return asked.room


def _redirect(request: Request, stream: EventStream, place: str, headers: str) -> None:
    """To the room's proper name."""
    base = "/".join(request.path.rstrip("/").split("/")[:-2])
    _, mark, query = request.target.partition(b"?")
    where = f"{base}{place}{mark.decode()}{query.decode('ascii', 'ignore')}"
    stream.answer(308, f"Location: {where}\r\n{headers}")
