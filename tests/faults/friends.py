"""Senders who say everything that can be said: they call each other, send files, and talk in rooms of two."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from app.model import Refused
from tests.faults import checker
from tests.faults.checker import Mentioned, Speech, Stored
from tests.faults.conversation import PACE, QUIET_WITHIN, ROOM, Conversation, Hearing, Sender
from tests.support.look import Where

IN_PRIVATE, CALLING, WITH_FILE = 0.25, 0.4, 0.15  # of what they say
MAX_BYTES = 30_000  # of a file
PAGE = 50  # mentions in one answer


class Friend(Sender):
    """`friend` is the one with whom they talk alone; `others` are the nicknames whom they call."""

    def __init__(self, url: str, nickname: str, *, database: Where | None = None, **how: Any) -> None:
        self.hearing = Hearing(f"{nickname} in private", "", database)
        super().__init__(url, nickname, wire=self.hearing.heard, **how)
        self.others: list[str] = []

    @contextlib.asynccontextmanager
    async def with_friend(self, friend: "Friend") -> AsyncIterator[None]:
        """In the room of the two; both are in the room of all."""
        events = self.client.events()
        hearing, room = self.hearing, f"@{friend.client.me['id']}"
        await self.client.do("open", {"person": friend.client.me["id"]})
        hearing.room, self.speeches[room] = room, Speech(self.speech.nickname)
        watching = asyncio.create_task(hearing.watch(events))
        hearing.copy = await self.client.enter(room)
        try:
            yield
        finally:
            watching.cancel()
            hearing.look.close()

    async def speak(self) -> None:
        room = self.hearing.room if random.random() < IN_PRIVATE else ROOM
        note = f" @{random.choice(self.others)}" if random.random() < CALLING else ""
        file, content = await self._upload() if random.random() < WITH_FILE else (None, b"")
        self.say(note, room, file, content)

    async def _upload(self) -> tuple[str, bytes]:
        """Again and again, until it has arrived."""
        content = b"\0" + random.randbytes(random.randrange(MAX_BYTES))
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(content)
            while True:
                with contextlib.suppress(ConnectionError):
                    try:
                        return (await self.client.upload(file.name, name="numbers.bin"))["id"], content
                    except Refused as refusal:
                        if refusal.code != "storage":
                            raise
                await asyncio.sleep(PACE)

    async def mentions(self) -> Mentioned:
        """The list of them, page after page."""
        listed: list[dict[str, Any]] = []
        more = True
        while more:
            before = {"before": listed[-1]["at"]} if listed else {}
            page = await self.client.do("mentions", {"limit": PAGE} | before)
            listed, more = listed + page["messages"], page["more"]
        return Mentioned(self.speech.nickname, self.client.me["id"], listed)

    async def fetched(self, speeches: Iterable[Speech]) -> dict[str, bytes | None]:
        """What comes to this one of the files that were said there."""
        files = {said.file for speech in speeches for said in speech.words if said.file}
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.client.token}"}) as http:
            return {file: await self._fetch(http, file) for file in files}

    async def _fetch(self, http: aiohttp.ClientSession, file: str) -> bytes | None:
        async with http.get(f"{self.client.url}/files/{file}/{quote('numbers.bin')}") as answer:
            assert answer.status in (200, 404), answer
            return await answer.read() if answer.status == 200 else None


class FullConversation(Conversation):
    """The first and the second sender talk alone besides, the third and the fourth, and so on."""

    sender = Friend

    def __init__(self, database: Where, urls: Iterable[str], *, look: bool = True, **how: Any) -> None:
        super().__init__(database, urls, look=look, **how)
        self.friends = [one for one in self.senders if isinstance(one, Friend)]
        for one in self.friends if look else ():
            one.hearing.database = database

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        names = [one.speech.nickname for one in self.friends]
        for nth, one in enumerate(self.friends):
            one.others = names[:nth] + names[nth + 1 :]
            await self._stack.enter_async_context(one.with_friend(self.friends[nth ^ 1]))
        return self

    async def violations(self, within: float = QUIET_WITHIN) -> list[str]:
        faults = await super().violations(within)
        faults += await self._settled(ROOM, self._of_all)
        for one, other in zip(self.friends[::2], self.friends[1::2], strict=True):
            rooms = checker.rooms_of_two(self.database, one.client.me["id"], other.client.me["id"])
            if len(rooms) == 1:
                faults += await self._settled(rooms[0], partial(self._of_two, one, other))
            else:
                faults.append(f"{one.speech.nickname} and {other.speech.nickname} talk alone in {rooms}")
        return faults

    async def _settled(self, room: str, judge: Callable[[Stored], Awaitable[list[str]]]) -> list[str]:
        """Once more where a change that was asked for last came in meanwhile."""
        stored = checker.read(self.database, room)
        while True:
            faults = await judge(stored)
            now = checker.read(self.database, room)
            if now.rev == stored.rev:
                return faults
            stored = now

    async def _of_all(self, stored: Stored) -> list[str]:
        speeches = [one.speech for one in self.friends]
        faults = checker.fetched(stored, speeches, await self.friends[0].fetched(speeches))
        for one in self.friends:
            faults += checker.mentioned(stored, await one.mentions())
        return faults

    async def _of_two(self, one: Friend, other: Friend, stored: Stored) -> list[str]:
        with contextlib.suppress(TimeoutError):
            await self.sees(lambda: min(one.hearing.rev, other.hearing.rev) >= stored.rev)
        speeches = [each.speeches[each.hearing.room] for each in (one, other)]
        faults = checker.violations(stored, speeches, [one.hearing.kept(), other.hearing.kept()])
        return faults + checker.fetched(stored, speeches, await other.fetched(speeches))
