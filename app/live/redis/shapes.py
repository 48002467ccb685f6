"""What processes tell each other of people: its shapes, checked like what comes from a client.

| channel | kind | body |
|---|---|---|
| of a room | `p` | who came and left there: `[before, number, [change, ...]]` |
| `people` | `q` | how somebody is called now: `[person, nickname, reserved, rev, about?]` |
| `people` | `r` | something was reported to the moderators of a room: `[room, report]` |
| `people` | `t` | a token is good no longer: `[token, the one in its place]`, as fingerprints |
| `people` | `e` | an event for all connections of a person: `[person, event, payload]` |
| `people` | `g` | somebody ignores others than before: `[person]` |
| `processes` | `b` | a process lives: `[generation, stops, {room: people}]` |

A `change` is `[person, nickname, reserved, rev, grace, about?]`. `about` is what somebody says of themselves, and
whether they are away with all connections to that process: `{status?, until?, last_seen?, away?}`, left out where it is
empty. `grace` is null for who is there now, else the seconds for which the room waits. `number` is that of the frame
among all of its process, `before` the number of the one before in this room: where it is not the one that was heard
last, some were missed. A process begins another generation when it has written everything anew.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal, TypeVar

import orjson
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from app.chat.kinds import RoomName, RoomRef
from app.chat.visible import is_blank, without_controls
from app.live.redis.frames import BadFrame
from app.model import LIMITS, About, Profile

T = TypeVar("T")

MAX_CHANGES = 200  # in one frame
MAX_ROOMS = 100  # counted in a beat
MAX_GRACE_S = 86_400

CAME, PROFILE, REVOKED, IGNORED, REPORT, BEAT, EVENT = b"p", b"q", b"t", b"g", b"r", b"b", b"e"


def _can_be_shown(name: str) -> str:
    if is_blank(name) or without_controls(name) != name:
        raise ValueError("no nickname")
    return name


def _line_that_can_be_shown(text: str) -> str:
    if "\n" in text or without_controls(text) != text:
        raise ValueError("no line")
    return text


Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256), AfterValidator(_can_be_shown)]
Number = Annotated[int, Field(ge=0, le=2**53)]
Grace = Annotated[float, Field(ge=0, le=MAX_GRACE_S, allow_inf_nan=False)]
Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Text = Annotated[str, StringConstraints(max_length=1_000)]


class Report(TypedDict):
    room: RoomName
    seq: Number
    who: Name
    whom: Name
    text: Text
    at: Text


class Named(TypedDict):
    id: Id
    nickname: Name


class Opened(TypedDict):
    room: RoomRef
    person: Named


class Seen(TypedDict):
    room: RoomRef
    seq: Number


class AboutThere(TypedDict, total=False):
    status: Annotated[str, StringConstraints(max_length=LIMITS.status), AfterValidator(_line_that_can_be_shown)]
    until: Number
    last_seen: bool
    away: bool


Called = tuple[Id, Name, bool, Number] | tuple[Id, Name, bool, Number, AboutThere]
Change = tuple[Id, Name, bool, Number, Grace | None] | tuple[Id, Name, bool, Number, Grace | None, AboutThere]
Entry = tuple[Name, bool, Number] | tuple[Name, bool, Number, AboutThere]
Changes = Annotated[list[Change], Field(max_length=MAX_CHANGES)]
Counts = Annotated[dict[RoomRef, Annotated[int, Field(ge=1, le=10**7)]], Field(max_length=MAX_ROOMS)]


def _shape(shape: Any) -> Callable[[bytes], Any]:
    """Reads a body. Raises BadFrame."""
    adapter: TypeAdapter[Any] = TypeAdapter(shape, config=ConfigDict(strict=True))

    def read(body: bytes) -> Any:
        try:
            return adapter.validate_json(body)
        except ValidationError as error:
            raise BadFrame(
                f"of another shape ({error.errors(include_url=False, include_input=False)[0]['msg']})"
            ) from None

    return read


read_changes: Callable[[bytes], tuple[int, int, list[Change]]] = _shape(tuple[Number, Number, Changes])
read_called: Callable[[bytes], Called] = _shape(Called)
read_revoked: Callable[[bytes], tuple[str, str]] = _shape(tuple[Token, Token])
read_event: Callable[[bytes], tuple[str, str, dict[str, Any]]] = _shape(
    tuple[Id, Literal["opened"], Opened] | tuple[Id, Literal["seen"], Seen]
)
read_ignored: Callable[[bytes], tuple[str]] = _shape(tuple[Id])
read_report: Callable[[bytes], tuple[str, dict[str, Any]]] = _shape(tuple[RoomName, Report])
read_beat: Callable[[bytes], tuple[int, bool, dict[str, int]]] = _shape(tuple[Number, bool, Counts])
read_entry: Callable[[bytes], Entry] = _shape(Entry)
read_id: Callable[[bytes], str] = lambda body: _id(orjson.dumps(body.decode()))  # noqa: E731
_id: Callable[[bytes], str] = _shape(Id)


def about_of(there: AboutThere) -> tuple[About, bool]:
    """And whether they are away there."""
    about = About(there.get("status", ""), there.get("until"), there.get("last_seen", False))
    return about, there.get("away", False)


def about_there(about: About, away: bool) -> AboutThere:
    told = {"status": about.status, "until": about.until, "last_seen": about.shows_last_seen, "away": away}
    return {name: value for name, value in told.items() if value}  # type: ignore[return-value]


def called(profile: Profile) -> list[Any]:
    about = [about_there(profile.about, False)] if profile.about else []
    return [profile.id, profile.nickname, profile.reserved, profile.rev, *about]


write = orjson.dumps


def some_at_a_time(many: Iterable[T], count: int) -> Iterator[list[T]]:
    rest = iter(many)
    while some := list(islice(rest, count)):
        yield some
