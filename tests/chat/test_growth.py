"""What coming and going costs: the same in a room of 1,000 as in one of 50, among many rooms, in a wave of joiners.

Instructions of Python are counted, not time: their number is the same on every machine, and the same each time. What
they leave to C (a copy of a list, a sort) only a clock sees: for that the last test compares processor time.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.chat import Chat, doors
from app.chat.presence import Presence
from app.chat.verbs import perform
from app.model import LIMITS, Connection, Person, Profile
from tests.support.instructions import instructions
from tests.support.talker import until

PEOPLE = 1_000
FEW = 50  # in each of the small rooms
PAGE = 10  # entries of a list; small, so that all but the first few joiners of a small room see a full one
MORE = 1.2  # how much more the large may cost: a small room's first lists are short
GRACE = 1_000.0  # seconds that somebody is awaited: longer than the test

CLOCK_TRIES = 10
CLOCK_MORE = 2.0  # generous, for other programs' cache misses count as our time


class Ears:
    """A voice that nobody hears; what it tells is kept."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def broadcast(self, room: str, _event: str, payload: dict[str, Any]) -> None:
        self.told.append((room, payload))


class Wave:
    """So many people, spread evenly over so many rooms, who do all the same in one tick."""

    def __init__(self, rooms: int) -> None:
        self.ears = Ears()
        self.presence = Presence(self.ears.broadcast)
        self.people = [person(f"{n:05}") for n in range(PEOPLE)]
        self.rooms = [f"room-{n % rooms}" for n in range(PEOPLE)]

    def each(self, act: Callable[[Presence, Connection, str], None]) -> None:
        for person, room in zip(self.people, self.rooms, strict=True):
            act(self.presence, person, room)


def person(name: str) -> Connection:
    return Connection(f"socket-{name}", Person(f"id-{name}", f"nickname {name}"))


def comes(presence: Presence, person: Connection, room: str) -> None:
    """What a connect and a join ask."""
    presence.connect(person)
    presence.join(person, room)
    presence.rooms.page(room, None, PAGE)
    presence.rooms.count(room)


def is_renamed(presence: Presence, person: Connection, room: str) -> None:
    presence.update(Profile(person.person.id, f"another {person.person.nickname}"))
    presence.rooms.page(room, None, PAGE)


def loses_the_line(presence: Presence, person: Connection, room: str) -> None:
    presence.disconnect(person, GRACE)
    presence.rooms.page(room, None, PAGE)


def goes(presence: Presence, person: Connection, room: str) -> None:
    presence.disconnect(person)
    presence.rooms.page(room, None, PAGE)


def looks_at_the_rooms(presence: Presence, _person: Connection, _room: str) -> None:
    presence.rooms.busiest(PAGE)
    assert len(presence.rooms)


LIFE = (comes, looks_at_the_rooms, is_renamed, loses_the_line, comes, goes)


async def test_a_wave_into_one_room_costs_what_it_costs_in_small_rooms() -> None:
    """All of it within the time in which news are gathered, when everybody may be news to everybody."""
    small, large = Wave(PEOPLE // FEW), Wave(1)
    costs = [[instructions(lambda wave=wave, act=act: wave.each(act)) for act in LIFE] for wave in (small, large)]
    for wave in (small, large):
        wave.presence.stop()
    ratios = {act.__name__: round(many / few, 2) for act, few, many in zip(LIFE, *costs, strict=True)}
    assert all(ratio <= MORE for ratio in ratios.values()), ratios


async def test_among_many_rooms_it_costs_what_it_costs_among_few() -> None:
    """Everybody in a room of their own: 1,000 rooms, all of which come and go."""
    few, many = Wave(PEOPLE // FEW), Wave(PEOPLE)
    costs = [[instructions(lambda wave=wave, act=act: wave.each(act)) for act in LIFE] for wave in (few, many)]
    for wave in (few, many):
        wave.presence.stop()
    ratios = {act.__name__: round(alone / within, 2) for act, within, alone in zip(LIFE, *costs, strict=True)}
    assert all(ratio <= MORE for ratio in ratios.values()), ratios


async def test_a_wave_is_told_in_one_event() -> None:
    """Which holds the first page alone, for the room is a large one."""
    wave, first_page = Wave(1), LIMITS.first_people
    wave.each(comes)
    [(_, told)] = await until(lambda: wave.ears.told)
    assert (len(told["joined"]), told["left"], told["count"]) == (first_page, [], PEOPLE)
    wave.ears.told.clear()
    wave.each(goes)
    [(_, told)] = await until(lambda: wave.ears.told)
    assert (told["joined"], len(told["left"]), told["count"], told["partial"]) == ([], 2 * first_page, 0, True)
    presence = wave.presence
    assert (presence.rooms._rooms, presence.online._by_id, presence.rooms._busiest) == ({}, {}, [])


@pytest.fixture
def seated(chat: Chat) -> Callable[[str, int], None]:
    """Let so many people be in a room."""

    def seat(room: str, count: int) -> None:
        for n in range(count):
            one = person(f"{n:05} of {room}")
            chat.presence.connect(one)
            chat.presence.join(one, room)

    return seat


async def visit(chat: Chat, room: str, visitors: list[Connection]) -> float:
    """Seconds of the processor that a join takes, through the gate and the store, of so many at once."""
    began = time.process_time()
    for one in visitors:
        answer = await perform(chat, one, "join", {"room": room})
        assert answer["ok"], answer
    spent = time.process_time() - began
    for one in visitors:
        chat.presence.leave(one, room)
    return spent / len(visitors)


@pytest.mark.alone
async def test_a_join_is_answered_in_pages_at_the_same_price(chat: Chat, seated: Callable[[str, int], None]) -> None:
    full, crowded = chat.limits.first_people, 100 * chat.limits.first_people
    seated("full", full)
    seated("crowded", crowded)
    visitors = [person(f"visitor {n:03}") for n in range(100)]
    for one in visitors:
        chat.presence.connect(one)
    answers = [await perform(chat, visitors[0], "join", {"room": room}) for room in ("full", "crowded")]
    assert [(len(answer["people"]), answer["count"]) for answer in answers] == [(full, full + 1), (full, crowded + 1)]
    assert len(orjson.dumps(answers[1])) < 1.1 * len(orjson.dumps(answers[0]))

    cheapest = [float("inf"), float("inf")]
    for _ in range(CLOCK_TRIES):
        for nth, room in enumerate(("full", "crowded")):
            cheapest[nth] = min(cheapest[nth], await visit(chat, room, visitors))
    assert cheapest[1] < CLOCK_MORE * cheapest[0], cheapest


async def test_many_who_come_at_once_into_a_new_room_ask_the_database_little(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names are looked up for many at once, and the room's rules for all: for each of them by itself, that alone
    cost more than all the rest."""
    asked: Counter[str] = Counter()
    for way in ("read", "write"):
        monkeypatch.setattr(chat.store, way, _counting(getattr(chat.store, way), asked))
    many = 60
    here = await asyncio.gather(*(doors.arrive(chat, f"socket {n}", []) for n in range(many)))
    assert len({one.person.nickname for one in here}) == many
    assert asked["free_names"] <= many // 6, "twice as many names with each look"
    answers = await asyncio.gather(*(perform(chat, one, "join", {"room": "a-new-one"}) for one in here))
    assert all(answer["ok"] for answer in answers)
    assert (asked["arrive"], asked["open_room"]) == (many, 1)
    assert asked["room_rules"] <= 6, asked
    assert sum(asked.values()) < 2 * many, asked


def _counting(ask_store: Any, asked: Counter[str]) -> Any:
    def ask(question: Any, *args: Any, **kwargs: Any) -> Any:
        asked[question.__name__] += 1
        return ask_store(question, *args, **kwargs)

    return ask
