"""Web push: whoever is mentioned, or written to alone, while no page of theirs is open, is told by their browser.

Nobody waits for it. What is to be told lies here for some seconds: a page that is reloaded is open again by then, a
message may be taken back, and of several messages in a row one push tells. What does not fit in is dropped, for a push
is a courtesy: the mention is in the list all the same.
"""

import asyncio
import enum
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import orjson

from app.chat import Chat, access, people
from app.chat.counts import Reading
from app.chat.direct import is_direct, other_of, shown
from app.chat.kinds import Endpoint, Flag, PushSecret
from app.model import ROW_BYTES, Connection, Member, Refused
from app.store import queries
from app.store.queries import EVERYONE

log = logging.getLogger("parlor.push")

Answer = dict[str, Any]
Browser: TypeAlias = queries.Browser

DELAY_S = 3.0  # before anything is sent
MAX_WAITING = 1_000  # things to be told; what comes when there are as many is dropped
MAX_AT_ONCE = 8  # pushes that are under way
MAX_WOKEN = 500  # browsers, by one message
MAX_BROWSERS = 10  # of one person
ATTEMPTS = 3
FIRST_PAUSE_S = 2.0  # before another attempt; then four times as long
MAX_PAUSE_S = 60.0  # the same, however long a push service asks for
MAX_TEXT = 200  # characters of the message


class Outcome(enum.Enum):
    SENT = enum.auto()
    GONE = enum.auto()  # the browser is woken no more: it has unsubscribed, or has been forgotten
    LATER = enum.auto()
    FAILED = enum.auto()


class Service(Protocol):
    """How browsers are woken (web/webpush.py)."""

    async def send(self, to: Browser, payload: bytes, topic: str, contact: str) -> tuple[Outcome, float]:
        """Of several with one topic that wait for a browser, it gets the last one. contact: an address of this site.
        Also the seconds after which to try again. Raises Refused."""


@dataclass
class News:
    """What somebody is to be told of a room. person: EVERYONE is everybody who wants to hear of that. seq: of the last
    message. due: on the loop's clock. without: who was called before, of everybody."""

    person: str
    room: str
    shown: str
    author: str
    seq: int
    site: str
    due: float
    is_direct: bool
    without: frozenset[str] = frozenset()
    count: int = 1


@dataclass
class Push:
    to: Browser
    payload: bytes
    topic: str
    site: str
    attempts: int = 0


class Pushing:
    def __init__(self, chat: Chat, service: Service, delay: float | None = None) -> None:
        self._chat, self._service, self._delay = chat, service, DELAY_S if delay is None else delay
        self._news: dict[tuple[str, str], News] = {}  # by person and room, in the order in which they are due
        self._wake = asyncio.Event()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_telling = False
        self.outcomes: Counter[str] = Counter()

    def note(self, member: Member, message: queries.Message) -> None:
        """A member has said something new."""
        is_alone = is_direct(member.room)
        called = set((message["mentions"] or {}).values()) - {member.id}
        if is_alone:
            called = {other_of(self._chat, member.room, member.id)}
        for person in called:
            self._add(self._news_for(person, member, message["seq"]))

    def note_edited(self, member: Member, message: queries.Message) -> None:
        """A member has given a message another text: it is news to those whom it did not call before."""
        before = frozenset(message["called_before"])
        if is_direct(member.room) or EVERYONE in before:
            return
        for person in {*message["called"]} - {member.id}:
            self._add(self._news_for(person, member, message["seq"], before))

    def _news_for(self, person: str, member: Member, seq: int, without: frozenset[str] = frozenset()) -> News:
        return News(
            person=person,
            room=member.room,
            shown=shown(self._chat, member.room, person),
            author=member.id,
            seq=seq,
            site=member.connection.site,
            due=asyncio.get_running_loop().time() + self._delay,
            is_direct=is_direct(member.room),
            without=without,
        )

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be sent, and nothing is under way."""
        return not (self._news or self._tasks or self._is_telling)

    def _add(self, news: News) -> None:
        key = news.person, news.room
        if known := self._news.get(key):
            known.count += known.seq != news.seq
            known.seq, known.author, known.without = news.seq, news.author, known.without & news.without
        elif len(self._news) >= MAX_WAITING:
            self.outcomes["dropped"] += 1
        else:
            self._news[key] = news
            self._wake.set()

    async def run(self) -> None:
        """For as long as the server runs."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._news:
                    key, news = next(iter(self._news.items()))
                    await asyncio.sleep(news.due - asyncio.get_running_loop().time())
                    del self._news[key]
                    self._is_telling = True
                    await self._tell(news)
                    self._is_telling = False
        finally:
            for task in self._tasks:
                task.cancel()

    async def _tell(self, news: News) -> None:
        try:
            for push in await self._pushes(news):
                await self._slots.acquire()
                self._begin(push)
        except Refused as refusal:  # nothing can be read at present
            self.outcomes["failed"] += 1
            log.debug("a push could not be made: %s", refusal.text)
        except Exception:
            self.outcomes["failed"] += 1
            log.exception("a push could not be made")

    async def _pushes(self, news: News) -> list[Push]:
        chat = self._chat
        message = await chat.store.read(queries.one, news.room, news.seq)
        if message["deleted"] is not None:
            return []
        if not news.is_direct and news.person not in (message["mentions"] or {}).values():  # taken back meanwhile
            return []
        persons = [] if news.person == EVERYONE else [news.person]
        found = await chat.store.read(
            queries.to_wake, room=news.room, author=news.author, persons=persons, is_direct=news.is_direct
        )
        may = {
            person: await self._may_be_told(news, person)
            for person in {one.person for one in found[:MAX_WOKEN]} - news.without
        }
        payload = orjson.dumps(_payload(news, message))
        topic = people.fingerprint(chat, f"topic {news.room}")[:32]
        return [Push(one, payload, topic, news.site) for one in found[:MAX_WOKEN] if may.get(one.person)]

    async def _may_be_told(self, news: News, person: str) -> bool:
        if self._chat.presence.online.is_here(person):
            return False
        return news.is_direct or await access.may_person_read(self._chat, news.room, person)

    def _begin(self, push: Push) -> None:
        task = asyncio.create_task(self._send(push))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, push: Push) -> None:
        """One attempt; later another one, which does not keep others from being sent meanwhile."""
        try:
            push.attempts += 1
            outcome, pause = await self._service.send(push.to, push.payload, push.topic, push.site)
            if outcome is Outcome.GONE:
                await self._chat.store.write(queries.unsubscribe_push, push.to.fingerprint)
        except Refused:
            outcome, pause = Outcome.FAILED, 0.0
        except Exception:
            outcome, pause = Outcome.FAILED, 0.0
            log.exception("a push could not be sent")
        finally:
            self._slots.release()
        if outcome is not Outcome.LATER or push.attempts >= ATTEMPTS or len(self._tasks) > MAX_WAITING:
            self.outcomes["failed" if outcome is Outcome.LATER else outcome.name.lower()] += 1
            return
        await asyncio.sleep(min(max(pause, FIRST_PAUSE_S * 4 ** (push.attempts - 1)), MAX_PAUSE_S))
        await self._slots.acquire()
        self._begin(push)

    def readings(self) -> Iterator[Reading]:
        for outcome, text in (
            ("sent", "Browsers that were woken."),
            ("gone", "Subscriptions that were removed, because the push service knew them no more."),
            ("failed", "Pushes that came to nothing."),
            ("dropped", "Pushes that were not made, because too many waited."),
        ):
            yield Reading(f"parlor_pushes_{outcome}", text, self.outcomes[outcome])


def _payload(news: News, message: queries.Message) -> Answer:
    """What the service worker shows (static/js/push-worker.js): small, for a push service takes 4 KB."""
    text = message["text"] if len(message["text"]) <= MAX_TEXT else f"{message['text'][:MAX_TEXT]}…"
    told = {"room": news.shown, "seq": news.seq, "nickname": message["nickname"], "text": text}
    if message["file"]:
        told["file"] = orjson.loads(message["file"])["name"][:MAX_TEXT]
    return told | {"kind": message["kind"], "count": news.count}


async def vapid_key(chat: Chat, new: str) -> str:
    """The key that is kept; this new one where there was none. Raises Refused."""
    stored: str | None = await chat.store.read(queries.vapid_key)
    return await chat.store.write(queries.keep_vapid_key, new) if stored is None else stored


async def push(
    chat: Chat,
    connection: Connection,
    *,
    endpoint: Endpoint | None = None,
    p256dh: PushSecret | None = None,
    auth: PushSecret | None = None,
    on: Flag = True,
) -> Answer:
    """Let this browser be woken when somebody mentions one, or writes to one alone, while no page is open: `endpoint`,
    `p256dh` and `auth` are those of its push subscription, made with `key`, which comes with each answer. `on` false
    ends that. Without `endpoint` nothing changes. 10 browsers of a person at most, the newest."""
    if chat.push is None:
        raise Refused("not_allowed", "The operator of this site has switched pushes off.")
    key = await chat.push.public_key()
    if endpoint is None:
        return {"key": key}
    fingerprint = people.fingerprint(chat, endpoint)
    if not on:
        await chat.store.write(queries.unsubscribe_push, fingerprint, connection.person.id)
        return {"key": key, "on": False}
    if p256dh is None or auth is None:
        raise Refused("bad_payload", "A push subscription has the keys “p256dh” and “auth”.", field="p256dh")
    if not chat.push.is_allowed(endpoint):
        raise Refused("bad_payload", "This is no address of a push service.", field="endpoint")
    await people.record(chat, connection)
    chat.quotas.store(connection, ROW_BYTES + len(endpoint))
    subscription = Browser(fingerprint, connection.person.id, endpoint, p256dh, auth)
    await chat.store.write(queries.subscribe_push, subscription, MAX_BROWSERS)
    return {"key": key, "on": True}
