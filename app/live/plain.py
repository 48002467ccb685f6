"""Plain WebSockets into rooms, `/ws/r/{room}?name=`: lines of text, or with the subprotocol `parlor.v1` every verb and
every event as JSON. A connection like any other: one more door into the same gate.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote
from uuid import uuid4

from app.chat import Chat, doors, people
from app.chat.direct import stored_name
from app.chat.doors import Ending
from app.chat.floods import SLOWED
from app.chat.verbs import VERBS, perform
from app.engineio import ProtocolError, frames
from app.engineio.plain import PlainSocket, PlainWebSockets
from app.engineio.request import Request
from app.live import lines
from app.live.broadcaster import PLAIN, Broadcaster, Event
from app.live.lines import RoomLines
from app.model import Connection, Refused
from app.socketio import Server
from app.socketio.packet import PayloadRejected, StrictJSON
from app.socketio.queue import EventQueue, Message, Work
from app.socketio.server import REFUSED_POINTS

log = logging.getLogger("parlor.live")

JSON = "parlor.v1"
TOKEN_PREFIX = "parlor.token."  # noqa: S105 - begins the subprotocol by which a browser's script shows a token; it is never chosen
BEARER = "bearer "
MAX_PEOPLE = 200  # in larger rooms lines tell of nobody who comes or goes
MAX_REF = 64  # characters
MAX_HISTORY = 100
MAX_EARLY = 10_000  # events that wait while a room is entered
COME_AGAIN = "come again"

# Close codes: 4000 and the status that HTTP has for the same, or those of RFC 6455 (docs/protocol.md).
BAD, SIGN_IN, BANNED, SLOW, KICKED, LOCKED = 4400, 4401, 4403, 4408, 4410, 4423
TRY_AGAIN_LATER = 1013
CODES = {
    "banned": BANNED,
    "kicked": KICKED,
    "locked": LOCKED,
    "wrong_passphrase": SIGN_IN,
    "not_allowed": BANNED,
    "too_many": TRY_AGAIN_LATER,
    "too_fast": TRY_AGAIN_LATER,
    "storage": TRY_AGAIN_LATER,
    "broken": 1011,
}
ENDINGS = {frames.GOING_AWAY: Ending.PAGE_CLOSED, 0: Ending.BROKEN, 1006: Ending.BROKEN}

Answer = dict[str, Any]


@dataclass(frozen=True)
class Visitor:
    """How a request tells of whoever asks. network: from where, as limits count it; empty where nobody can tell for
    certain. site: the address of the site, as they have it. cookies: the values of those that may hold their token."""

    network: Callable[[Request], str]
    site: Callable[[Request], str]
    cookies: Callable[[Request], list[str]]


def tokens_of(request: Request) -> list[str]:
    """Those that the client shows by itself, not by a cookie. Never in the address, which others get to see."""
    offered = [one.strip() for one in ",".join(request.all("Sec-WebSocket-Protocol")).split(",")]
    shown = [one.removeprefix(TOKEN_PREFIX) for one in offered if one.startswith(TOKEN_PREFIX)]
    scheme = request.get("Authorization")
    return [*shown, *([scheme[len(BEARER) :].strip()] if scheme.lower().startswith(BEARER) else [])]


class Form(Protocol):
    """How one socket speaks: lines, or JSON."""

    def read(self, message: Message) -> tuple[Work, bool] | None:
        """What a message asks for, and whether it may overlap others of its kind."""

    def entering(self) -> None:
        """The room is about to be joined."""

    async def entered(self, answer: Answer) -> None:
        """It was."""

    def refused(self, answer: Answer) -> None:
        """Something that was not asked for by a message."""

    def hear(self, event: Event) -> None: ...


class RoomSocket:
    """One of them, from the handshake to its end. `connection` is None before the person is known."""

    def __init__(self, door: "RoomDoor", socket: PlainSocket, request: Request) -> None:
        self.door, self.socket = door, socket
        self.id = PLAIN + secrets.token_urlsafe(12)
        self.connection: Connection | None = None
        self.room = "-".join(unquote(request.path.rstrip("/").rpartition("/")[2]).removeprefix("#").split())
        self.query = request.query
        self._can_return = socket.protocol == JSON  # it was told the token, or came with one
        self._has_left = False
        self._form: Form = JsonForm(self) if socket.protocol == JSON else LinesForm(self)
        server = door.server
        size, ticks = 2 * server.engine.settings.max_payload, server.engine.ticks
        self._queue = EventQueue(self._form, server.tasks, socket.intake, size, ticks)
        self._age_timer = self._begin_age(server.engine.settings.max_age)
        socket.on_message, socket.on_closed = self._received, self._closed
        socket.transport.close_when_too_slow(SLOW, "too slow: more waits for you than is kept")
        door.broadcaster.register(self.id, self)
        self._queue.put_work(self._arrive(request))

    def _begin_age(self, max_age: float | None) -> asyncio.TimerHandle | None:
        if max_age is None:
            return None
        age = max_age * random.uniform(0.9, 1)  # noqa: S311
        return asyncio.get_running_loop().call_later(age, self.socket.close, frames.GOING_AWAY, COME_AGAIN)

    # --- from the client ---

    def _received(self, data: str | bytes) -> None:
        if self.door.server.is_stopping:
            return
        message = Message(data if isinstance(data, str) else "")
        if isinstance(data, bytes):
            message.attach(data)
        if not self._queue.put(message):
            self.socket.intake.pause()

    @property
    def has_gone(self) -> bool:
        return self.door.broadcaster.has_gone(self.id)

    async def ask(self, verb: object, payload: object) -> Answer:
        """The answer of the gate. Not before somebody is here, nor after."""
        assert self.connection
        answer = await perform(self.door.chat, self.connection, verb, payload)
        if not answer["ok"]:
            self.charge(answer)
        return answer

    def charge(self, answer: Answer) -> None:
        """What is refused costs something; whoever goes on in spite of `too_fast` is not read for a while."""
        self.socket.intake.charge(REFUSED_POINTS)
        if answer["error"] == "too_fast" and answer.get("limit") not in SLOWED:
            self.socket.intake.warn(answer["retry_after"])

    def _closed(self, code: int) -> None:
        if self._age_timer:
            self._age_timer.cancel()
        self.door.broadcaster.unregister(self.id)
        ending = ENDINGS.get(code, Ending.DELIBERATE) if self._can_return and not self._has_left else Ending.DELIBERATE
        self._queue.put_work(self._depart(ending))

    # --- the way in and out ---

    async def _arrive(self, request: Request) -> None:
        door, tokens, name = self.door, tokens_of(request), self.query.get("name")
        own = door.server.engine.admission.origins.is_own_page(request)
        cookies = door.visitor.cookies(request) if own else []
        self._can_return = self._can_return or bool(tokens or cookies)
        try:
            where = door.visitor.network(request), door.visitor.site(request)
            self.connection = await doors.arrive(door.chat, self.id, tokens, name, False, *where, cookies)
        except Refused as refusal:
            door.chat.counts.refused(refusal.answer())
            self._form.refused(refusal.answer())
            self.leave(refusal.answer())
            return
        if self.socket.protocol != JSON and not self.connection.keeps_token:
            self.connection.keeps_token, self._can_return = (
                None,
                False,
            )  # the token is a new one, and lines do not tell it
        if name and (why := people.why_not(door.chat, self.connection.person, name)):
            self._form.refused(why.answer())
        await self._join()

    async def _join(self) -> None:
        self._form.entering()
        payload: Answer = {"room": self.room}
        if (after := self.query.get("after", "")).isdecimal():
            payload["after"] = int(after[:15])
        if epoch := self.query.get("epoch"):
            payload["epoch"] = epoch
        answer = await self.ask("join", payload)
        if answer["ok"]:
            self.room = answer["room"]["name"]
            await self._form.entered(answer)
        else:
            self._form.refused(answer)
            if self.socket.protocol != JSON or answer["error"] not in ("wrong_passphrase", "locked"):
                self.leave(answer)

    async def _depart(self, ending: Ending) -> None:
        if self.connection:
            await doors.depart(self.door.chat, self.connection, ending)

    def leave(self, answer: Answer) -> None:
        """Close it, with a code that says why."""
        self._has_left = True
        self.socket.close(CODES.get(answer["error"], BAD), f"{answer['error']}: {answer['text']}")

    # --- as the broadcaster knows it ---

    def hear(self, event: Event) -> None:
        try:
            self._form.hear(event)
            if event.name == "removed" and event.payload["room"] == self.room:
                self.leave(event.payload)
        except Exception:  # the others are to hear it all the same
            log.exception("an event could not be told to a plain WebSocket")
            self.socket.transport.abort()

    def end(self) -> None:
        self.socket.close(SIGN_IN, "your token was replaced: come again with the one that you have now")


class JsonForm:
    """`{"verb", "payload", "ref"}` is answered `{"ref", "answer"}`; events are `{"event", "payload"}`. The answer to
    joining the room of the address comes as the event `joined`, what is refused unasked as `notice`."""

    def __init__(self, of: RoomSocket) -> None:
        self._of = of

    def read(self, message: Message) -> tuple[Work, bool] | None:
        try:
            verb, payload, ref = _asked(message)
        except Refused as refusal:
            return self._refuse(refusal.answer(), refusal.extra.get("ref")), False
        known = VERBS.get(verb) if isinstance(verb, str) else None
        return self._perform(verb, payload, ref), known is not None and known.concurrent

    async def _perform(self, verb: object, payload: object, ref: object) -> None:
        if self._of.connection:  # else it was not let in
            self._send({"ref": ref, "answer": await self._of.ask(verb, payload)})

    async def _refuse(self, answer: Answer, ref: object) -> None:
        self._of.door.chat.counts.refused(answer)
        self._of.charge(answer)
        self._send({"ref": ref, "answer": answer})

    def entering(self) -> None:
        """Events may come before the answer, as on every door."""

    async def entered(self, answer: Answer) -> None:
        self._send({"event": "joined", "payload": answer})

    def refused(self, answer: Answer) -> None:
        notice = {**answer, "room": self._of.room, "code": answer["error"]}
        self._send({"event": "notice", "payload": notice})

    def hear(self, event: Event) -> None:
        self._of.socket.send_frame(event.made(_json_frame))

    def _send(self, told: Answer) -> None:
        self._of.socket.send(StrictJSON.dumps(told))


def _json_frame(event: Event) -> bytes:
    return frames.frame(f'{{"event":{StrictJSON.dumps(event.name)},"payload":{event.json}}}'.encode())


def _asked(message: Message) -> tuple[object, object, object]:
    """Verb, payload and ref of a frame. Raises Refused, with the `ref` if that could be read."""
    if message.attachments:
        raise Refused("bad_payload", "Binary frames mean nothing here: send JSON as text.")
    try:
        asked = StrictJSON.loads(message.text)
    except (ProtocolError, PayloadRejected) as error:
        raise Refused("bad_payload", f"This could not be read: {error}.") from None
    if not isinstance(asked, dict):
        raise Refused("bad_payload", "A frame is one JSON object: verb, payload, ref.")
    ref = asked.get("ref")
    if not (ref is None or isinstance(ref, bool | int | float) or (isinstance(ref, str) and len(ref) <= MAX_REF)):
        raise Refused("bad_payload", f"“ref” is a number, or a text of {MAX_REF} characters at most.")
    if "verb" not in asked:
        raise Refused("bad_payload", "“verb” is missing: what is to be done?", ref=ref)
    return asked["verb"], asked.get("payload", {}), ref


class LinesForm:
    """Lines of text. What is heard while the room is being entered waits until the lines before it are told."""

    def __init__(self, of: RoomSocket) -> None:
        self._of = of
        self._lines: RoomLines | None = None  # None: not in the room
        self._early: list[Event] = []
        self._ignored: list[str] = []

    def read(self, message: Message) -> tuple[Work, bool] | None:
        return self._say(message), VERBS["send"].concurrent

    async def _say(self, message: Message) -> None:
        if self._of.connection is None or self._lines is None:  # it was not let in
            return
        if message.attachments:
            answer = Refused("bad_payload", "Binary frames mean nothing here: send text.").answer()
            self._of.charge(answer)
        else:
            payload = {"room": self._of.room, "text": message.text, "id": uuid4().hex}
            answer = await self._of.ask("send", payload)
        if not answer["ok"]:
            self.refused(answer)

    def refused(self, answer: Answer) -> None:
        self._of.socket.send(lines.refusal(answer))

    def entering(self) -> None:
        self._early = []

    async def entered(self, answer: Answer) -> None:
        """First what was missed, or the end of the history, as the address asks; then `{name} has connected.`"""
        chat, query, room = self._of.door.chat, self._of.query, answer["room"]
        has_missed = "after" in query and not answer.get("reset")
        assert self._of.connection
        page, _ = chat.presence.rooms.page(stored_name(self._of.connection.person.id, room["name"]), "", MAX_PEOPLE)
        people_here = {one["id"]: one["nickname"] for one in page}
        newest = max((one["seq"] for one in answer["messages"]), default=0)
        told = RoomLines(room, people_here, 0 if has_missed else newest, self._ignored)
        rev: int = answer["rev"]
        if has_missed:
            rev = await self._catch_up(told, answer)
        else:
            if answer.get("reset"):
                self._of.socket.send("! reset: More was said than can be caught up with. This is the end of it.")
            most = MAX_HISTORY if answer.get("reset") else _count(query.get("history", ""))
            for message in answer["messages"][-most:] if most else ():
                if message["author"] not in told.ignored:
                    self._of.socket.send(lines.said(message))
        self._of.socket.send(f"{answer['me']['nickname']} has connected.")
        early, self._lines, self._early = self._early, told, []
        for event in early:
            if event.name != "message" or event.payload["message"]["rev"] > rev:
                self.hear(event)

    async def _catch_up(self, told: RoomLines, answer: Answer) -> int:
        """The lines of what was missed; the rev up to which that is."""
        while True:
            for message in answer["messages"]:
                if line := told.message(message):
                    self._of.socket.send(line)
            rev: int = answer["messages"][-1]["rev"] if answer["messages"] else answer["rev"]
            if not answer["more"]:
                return max(rev, int(answer["rev"]))
            following = await self._of.ask("sync", {"room": self._of.room, "after": rev})
            while not following["ok"] and "retry_after" in following and not self._of.has_gone:
                await asyncio.sleep(following["retry_after"])
                following = await self._of.ask("sync", {"room": self._of.room, "after": rev})
            if not following["ok"]:
                self.refused(following)
                return rev
            answer = following

    def hear(self, event: Event) -> None:
        if event.name in ("welcome", "ignored"):
            self._ignored = event.payload.get("ignored", [])
            if self._lines:
                self._lines.ignored = frozenset(self._ignored)
        elif event.name == "removed" and event.payload["room"] == self._of.room:
            self.refused(event.payload)
        elif event.name == "notice":
            self._of.socket.send(f"! {event.payload['code']}: {event.payload['text']}")
        elif self._lines is None:
            if len(self._early) >= MAX_EARLY:
                raise BufferError("too much is said while somebody catches up")
            self._early.append(event)
        else:
            self._tell(self._lines.of(event))

    def _tell(self, told: Iterator[str]) -> None:
        for line in told:
            self._of.socket.send(line)


def _count(text: str) -> int:
    """How many messages before now are asked for."""
    return min(int(text[:9]), MAX_HISTORY) if text.isdecimal() else 0


@dataclass(frozen=True)
class RoomDoor:
    """What all of them need."""

    server: Server
    chat: Chat
    broadcaster: Broadcaster
    visitor: Visitor

    def sockets(self) -> PlainWebSockets:
        """To be attached at `/ws/r/{room}`."""
        return PlainWebSockets(self.server.engine, lambda socket, request: _opened(self, socket, request), (JSON,))


def _opened(door: RoomDoor, socket: PlainSocket, request: Request) -> None:
    RoomSocket(door, socket, request)
