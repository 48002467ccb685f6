"""Cards of pages elsewhere, where the operator has asked for them: a message that links to a page shows its title and
what it says of itself.

No message waits for that. Its link lies here until its turn comes, the page is fetched by somebody who knows how
(web/previews.py), and what it says is stored with the message as a change of it. What does not fit in is dropped: a
card is a courtesy, the link is there all the same.
"""

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from app.chat import Chat, cards, messages
from app.chat.counts import Reading
from app.chat.rates import Buckets
from app.model import Connection, Member, Refused
from app.store import queries

log = logging.getLogger("parlor.previews")

Card = dict[str, Any]
Asked = asyncio.Task[Card | None]  # also what is still on its way: many may say the same link at once

AT_ONCE = 4  # pages that are fetched at the same time
MAX_WAITING = 100  # links that wait; what comes when there are as many has no card
BURST, PER_S = 10, 0.1  # links of one person that are looked at in a row, and regained
OF_ADDRESS = 6  # times as many are from one network address, whatever nicknames it has
REMEMBERED_S = 600.0  # for which a page is not fetched again
MAX_REMEMBERED = 300  # pages


class Pages(Protocol):
    """How pages are read (web/previews.py)."""

    def card(self, url: str) -> Coroutine[Any, Any, Card | None]:
        """`{url, title, description?, site, host}`; None where it says nothing, cannot be reached, or may not be."""


@dataclass(frozen=True)
class Link:
    url: str
    room: str
    seq: int
    text: str
    connection: Connection


class Previewing:
    """Of what is said at this process."""

    def __init__(self, chat: Chat, pages: Pages) -> None:
        self._chat, self._pages = chat, pages
        self._waiting: asyncio.Queue[Link] = asyncio.Queue(MAX_WAITING)
        self._people, self._addresses = Buckets(BURST, PER_S), Buckets(OF_ADDRESS * BURST, OF_ADDRESS * PER_S)
        self._known: OrderedDict[str, tuple[float, Asked]] = OrderedDict()  # by address: until when
        self.outcomes: Counter[str] = Counter()

    def note(self, member: Member, message: queries.Message) -> None:
        """A member has said something new, or something else."""
        if message["card"] is not None:
            return
        is_line = message["kind"] == "action"
        url = cards.link_in(message["text"], member.connection.site, message["mentions"], is_line=is_line)
        if url is None:
            return
        if self._has_linked_much(member) or self._waiting.full():
            self.outcomes["dropped"] += 1
            return
        self._waiting.put_nowait(Link(url, member.room, message["seq"], message["text"], member.connection))

    def _has_linked_much(self, member: Member) -> bool:
        """Without a second limit, whoever has many nicknames could let this server ask anybody for anything, fast."""
        if self._chat.rates.is_off:
            return False
        if self._people.spend(member.id, 1):
            return True
        address = member.connection.address
        return bool(address) and bool(self._addresses.spend(address, 1))

    async def settled(self) -> None:
        """Every link that was noted has been looked at."""
        await self._waiting.join()

    async def run(self) -> None:
        """For as long as the server runs."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(AT_ONCE):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            link = await self._waiting.get()
            try:
                await self._show(link)
            except Refused as refusal:  # it cannot be stored at present, or the person has stored too much
                log.debug("a card could not be stored: %s", refusal.text)
            except Exception:
                log.exception("a card could not be made")
            finally:
                self._waiting.task_done()

    async def _show(self, link: Link) -> None:
        card = await self._card(link.url)
        self.outcomes["made" if card else "none"] += 1
        if card is None:
            return
        size, quotas = len(orjson.dumps(card)), self._chat.quotas
        quotas.store(link.connection, size)
        asked: dict[str, Any] = {"room": link.room, "seq": link.seq, "text": link.text, "card": card}
        is_new = False
        try:
            write = self._chat.store.write
            stored, is_new = await write(queries.and_queue, query=queries.put_card, event="card", **asked)
        finally:
            if not is_new:
                quotas.give_back(link.connection, size)
        if is_new:
            messages.tell_queued(self._chat, link.room, stored)

    async def _card(self, url: str) -> Card | None:
        now = time.monotonic()
        until, asked = self._known.get(url, (0.0, None))
        if asked is None or until < now:
            asked = asyncio.create_task(self._pages.card(url))
            self._known[url] = now + REMEMBERED_S, asked
            self._known.move_to_end(url)
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return await asked

    def readings(self) -> Iterator[Reading]:
        for outcome, text in (
            ("made", "Links to pages that have a card."),
            ("none", "Links to pages that have none: they say nothing, or could not be reached."),
            ("dropped", "Links that were not looked at, because too many waited."),
        ):
            yield Reading(f"parlor_previews_{outcome}", text, self.outcomes[outcome])
