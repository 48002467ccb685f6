"""What who uses the client sees of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self, cast

from app.tools.client.room import Room
from app.tools.client.session import Identity, Session
from app.tools.client.shapes import Answer, Event, EventHandler, File, Me, Message
from app.tools.client.uploading import upload

FLUSH_S = 5.0  # that the end of `async with` waits for messages that are not confirmed


class Client:
    """One person. `async with Client(url, nickname)` begins to connect, and reconnects until `close`.

    url: of the site, with its base path if it has one. nickname: a wish; where it is taken, one is let in under a free
    name (`me`). token: a secret by which one is the same person again, that of a bot as well; token_file: where it is
    kept from one run to the next, readable by its owner alone. transports: tried in this order. patience: seconds
    without an answer after which a connection counts as lost. pauses: the longest first and the longest later pause
    between two attempts, in seconds. wire: called with every event as it arrives; `events` gives them in order, once.

    Raises OSError where `token_file` cannot be read. Logs to `parlor.client`.
    """

    def __init__(
        self,
        url: str,
        nickname: str | None = None,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        transports: tuple[str, ...] = ("websocket", "polling"),
        patience: float = 10.0,
        pauses: tuple[float, float] = (1.0, 15.0),
        wire: EventHandler | None = None,
    ) -> None:
        self.url = url
        identity = Identity(nickname, token, Path(token_file) if token_file else None)
        self._session = Session(url, identity, transports, patience, pauses, wire)

    async def __aenter__(self) -> Self:
        self._session.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.close(0 if kind else FLUSH_S)

    async def close(self, within: float = 0) -> None:
        """Disconnect for good, after what was said is confirmed, but after so many seconds at the latest. Whether
        messages that are still unconfirmed then were stored is unknown: their futures are cancelled."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                for room in list(self.rooms.values()):
                    await room.outbox.wait_empty()
        await self._session.stop()

    @property
    def me(self) -> Me:
        """Oneself: `{id, nickname, reserved?}`; empty before the first connection."""
        return self._session.identity.me

    @property
    def token(self) -> str | None:
        return self._session.identity.token

    @property
    def transport(self) -> str | None:
        """`websocket` or `polling`; None while there is no connection."""
        connection = self._session.connection
        return connection.transport if connection else None

    @property
    def problem(self) -> str:
        """Why there is no connection, in words."""
        return self._session.problem

    @property
    def rooms(self) -> dict[str, Room]:
        """By name: those that were entered, and those that are being entered."""
        return self._session.rooms

    async def enter(
        self, room: str, *, nickname: str | None = None, passphrase: str | None = None, invite: str | None = None
    ) -> Room:
        """Join a room, now and after every reconnect. Returns it once it is caught up, however long the server is away.

        nickname: the name to bear, refused where it is taken. passphrase, invite: for rooms that do not let everybody
        in. Raises Refused: `nickname_taken`, `banned`, `locked`, `wrong_passphrase`, `bad_room`, ...
        """
        shown = {"nickname": nickname, "passphrase": passphrase, "invite": invite}
        entry = {name: value for name, value in shown.items() if value is not None}
        entered = self._session.enter(room.lower(), entry).entered
        return cast(Room, await asyncio.shield(entered))

    async def leave(self, room: str) -> None:
        """Leave the room. Messages that still wait for it are not sent any more."""
        await self._session.leave(room.lower())

    def say(self, room: str, text: str, reply_to: int | None = None) -> "asyncio.Future[Message]":
        """`Room.say` of a room that was entered."""
        return self.rooms[room.lower()].say(text, reply_to=reply_to)

    async def rename(self, nickname: str) -> Me:
        """Bear another nickname, everywhere. Raises Refused: `nickname_taken`, whose `extra` has a `suggestion`."""
        return cast(Me, (await self.do("rename", {"nickname": nickname}))["me"])

    async def public_rooms(self) -> list[dict[str, Any]]:
        """`[{name, topic, people, rev}]`: those with most people first."""
        return cast("list[dict[str, Any]]", (await self.do("rooms"))["rooms"])

    async def upload(self, path: str | Path, *, name: str | None = None) -> File:
        """Bring a file to the site; its `id` is for `Room.say(..., file=id)`. Raises Refused (`file_too_large`,
        `file_type`, ...), OSError where the file cannot be read, ConnectionError where it did not arrive: then it may
        be done again."""
        return await upload(self.url, self.token, Path(path), name)

    async def do(self, verb: str, payload: dict[str, Any] | None = None) -> Answer:
        """The answer of a verb (docs/protocol.md), asked for until there is one: for what may be done twice. Raises
        Refused."""
        return await self._session.do(verb, payload or {})

    async def ask(self, verb: str, payload: dict[str, Any] | None = None) -> Answer:
        """The ack of a verb, also where it is a refusal. Raises ConnectionError where there is no connection, or no
        answer: whether it was done is then unknown."""
        return await self._session.ask(verb, payload or {})

    def events(self) -> AsyncIterator[Event]:
        """The events from now on, until `close`: `message {room, message}` for every change, in order and once; `reset
        {room}` where a room's copy starts over; `caught_up {room}`; `removed {room, error, text}` where one is sent
        out; `connection {transport}`, where it is lost `{transport: None, problem, retry_in}`; `waiting {room, id,
        text}` where a message has to wait; and the server's people, typing, room, standing, me, notice
        (docs/protocol.md)."""
        return self._session.events()
