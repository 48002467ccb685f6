"""`say` and `read`, for scripts: plain lines, and exit codes that say what happened."""

import asyncio
import contextlib
import json
import os
import stat
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from app.model import Refused
from app.tools.client import Client, Message, Room
from app.tools.terminal.shown import plain
from app.tools.terminal.site import (
    OK,
    REFUSED,
    Who,
    client_of,
    complain,
    entered,
    lines_of_stdin,
    while_reachable,
)

AHEAD = 20  # messages that are said and not confirmed yet


async def say(
    site: str,
    room: str,
    who: Who,
    text: str | None = None,
    *,
    whole: bool = False,
    id: str | None = None,
    reply_to: int | None = None,
    file: Path | None = None,
    as_json: bool = False,
) -> int:
    """Say the text, or each line of stdin, or all of it as one message (whole); the exit code. Returns when all is
    stored. The lines' ids are `{id}-{number}`, so that the same input again says nothing twice. Raises Refused where
    the room cannot be entered, Unreachable."""
    code = OK

    async with client_of(site, who) as client:
        inside = await entered(client, room, who)
        noting = asyncio.create_task(_tell_waits(client))
        waiting: deque[asyncio.Future[Message]] = deque()
        uploaded = await client.upload(file) if file else None
        number = 0
        async for number, line in _numbered(_texts(text, whole, bool(file))):
            own_id = id and (id if text is not None or whole or file else f"{id}-{number}")
            attached = uploaded["id"] if uploaded else None
            waiting.append(inside.say(line, reply_to=reply_to, id=own_id, file=attached))
            if len(waiting) >= AHEAD:
                code = max(code, await _stored(client, who, waiting.popleft(), as_json))
        for one in waiting:
            code = max(code, await _stored(client, who, one, as_json))
        noting.cancel()
    if not number:
        complain("there was nothing to say.")
        return REFUSED
    return code


async def _texts(text: str | None, whole: bool, is_caption: bool) -> AsyncIterator[str]:
    """What is to be said; of the lines of stdin those that are not empty."""
    if text is not None or is_caption:
        yield text or ""
        return
    lines = (line.decode("utf-8", "replace") async for line in lines_of_stdin())
    if whole:
        yield "\n".join([line async for line in lines])
        return
    async for line in lines:
        if line.strip():
            yield line


async def _numbered(texts: AsyncIterator[str]) -> AsyncIterator[tuple[int, str]]:
    number = 0
    async for text in texts:
        number += 1
        yield number, text


async def _stored(client: Client, who: Who, said: "asyncio.Future[Message]", as_json: bool) -> int:
    """The exit code of one message."""

    async def wait() -> Message:
        return await asyncio.shield(said)

    try:
        message = await while_reachable(client, who.wait, wait())
    except Refused as refusal:
        complain(refusal.text)
        return REFUSED
    if as_json:
        _print(json.dumps(message))
    return OK


async def _tell_waits(client: Client) -> None:
    async for event, payload in client.events():
        if event == "waiting":
            complain(payload["text"])


async def read(
    site: str,
    room: str,
    who: Who,
    *,
    last: int = 20,
    after: int | None = None,
    follow: bool = False,
    as_json: bool = False,
) -> int:
    """Print the last messages, or those after a place, and with `follow` whatever is said from then on, through lost
    connections, for ever; the exit code. Raises Refused where one is not let in or sent out, Unreachable where the site
    cannot be reached at first, BrokenPipeError when nobody reads any more."""

    def show(message: Message) -> None:
        _print(json.dumps(message) if as_json else plain(message))

    async with client_of(site, who) as client:
        inside = await entered(client, room, who)
        news = inside.new_messages(after=inside.copy.last_seq if after is None else after)
        if after is None:
            for message in await while_reachable(client, who.wait, _last(inside, last)):
                show(message)
        if not follow:
            async for message in _up_to(news, inside.copy.last_seq, after):
                show(message)
            return OK
        noting, closed = asyncio.create_task(_tell_connection(client)), asyncio.ensure_future(_reader_gone())
        reading = asyncio.create_task(_show_all(news, show))
        try:
            await asyncio.wait([reading, closed], return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
        finally:
            for task in (noting, closed, reading):
                task.cancel()
    return OK


async def _last(room: Room, count: int) -> list[Message]:
    here = room.messages
    older = await room.history(room.floor, count - len(here)) if len(here) < count and room.floor > 1 else []
    return (older + here)[-count:] if count else []


async def _up_to(news: AsyncIterator[Message], last: int, after: int | None) -> AsyncIterator[Message]:
    """Those between the two places."""
    if after is None or after >= last:
        return
    async for message in news:
        yield message
        if message["seq"] >= last:
            return


async def _show_all(news: AsyncIterator[Message], show: Any) -> None:
    async for message in news:
        show(message)


async def _tell_connection(client: Client) -> None:
    """On stderr, once for each time that the connection is lost."""
    is_lost = False
    async for event, payload in client.events():
        if event == "connection" and is_lost != (payload["transport"] is None):
            is_lost = not is_lost
            complain(f"the connection was lost: {payload['problem']}" if is_lost else "connected again")


async def _reader_gone() -> None:
    """Done when nobody reads stdout any more, also while there is nothing to write."""
    gone = asyncio.Event()
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        number = sys.stdout.fileno()
        kind = os.fstat(number).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            asyncio.get_running_loop().add_reader(number, gone.set)
    await gone.wait()


def _print(line: str) -> None:
    print(line, flush=True)
