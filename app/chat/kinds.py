"""The kinds of values a payload may hold. Each refuses with its own code and a sentence for people.

Each looks at the length first: a payload of a megabyte must not be read character by character.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast

from precis_i18n import get_profile
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.chat.emoji import known
from app.chat.names import MAX_WISH
from app.chat.visible import is_blank, trimmed, without_controls, without_ignorable
from app.model import LIMITS, Refused, Sentence

MAX_MINUTES = 5_256_000  # ten years
MAX_SLOW_S = 21_600  # six hours
SPACE = 8  # times what fits may be typed: blanks and what is composed of several characters go in it

_ADDRESS = re.compile(r"https?://[!-~]+", re.ASCII)
MAX_MOMENT = 40  # characters of a time
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROOM = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LIMITS.room - 1}}}", re.ASCII)
_opaque = get_profile("OpaqueString")
ACTION = re.compile(r"/me\s+(.+)", re.DOTALL | re.IGNORECASE)
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def fault(code: str, pattern: str, **values: Any) -> PydanticCustomError:
    """An error with a Sentence, which the gate finds in its context."""
    return PydanticCustomError(code, "{sentence}", {"sentence": Sentence(pattern, **values)})


def _sentence_of(error: PydanticCustomError) -> str:
    return cast(str, (error.context or {}).get("sentence", error.message()))


def room_name(text: str) -> str:
    """A room's name, lower-cased. Raises `bad_room`."""
    name = text.strip().lower() if len(text) <= SPACE * LIMITS.room else ""
    if not _ROOM.fullmatch(name):
        raise fault(
            "bad_room", "A room is named with 1 to 64 of a-z, 0-9, _ and -, beginning with a letter or a digit."
        )
    return name


def room_as_typed(text: str) -> str:
    """The room that somebody means in an address or a field: `My Room` is my-room, and so it is in wide letters; or `@`
    and somebody's id. Raises Refused."""
    plain = without_ignorable(unicodedata.normalize("NFKC", text[: SPACE * LIMITS.room]))
    try:
        return room_ref("-".join(plain.strip().removeprefix("#").split()))
    except PydanticCustomError as error:
        raise Refused("bad_room", _sentence_of(error)) from None


def room_ref(text: str) -> str:
    """A room's name, or `@` and the id of whom one talks to there. Raises `bad_room`."""
    if text.startswith("@") and len(text) <= LIMITS.room and re.fullmatch(PERSON, text[1:]):
        return text
    return room_name(text)


def _clean(text: str) -> str:
    if "\0" in text or (not text.isascii() and _HALF_PAIR.search(text)):
        raise fault("bad_payload", "it holds a character that no text may hold (NUL or half a pair)")
    return text


def message_text(text: str) -> str:
    """What is said, without blank lines before and blanks behind: 1 to 4,000 characters. Raises `too_long`,
    `bad_payload`."""
    said = trimmed(text)
    if len(said) > LIMITS.text:
        raise fault(
            "too_long",
            "This is {length} characters long; a message holds {limit} at most.",
            length=len(said),
            limit=LIMITS.text,
        )
    action = ACTION.fullmatch(_clean(said))
    if is_blank(action[1] if action else said):
        raise fault("bad_payload", "there is nothing in it that can be seen")
    return said


def caption(text: str) -> str:
    """A message's text; empty where it shows nothing, as where a file says enough. Raises `too_long`, `bad_payload`."""
    return message_text(text) if len(text) > SPACE * LIMITS.text or not is_blank(_clean(text)) else ""


def _message_id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise fault("bad_payload", "an id is 8 to 64 of A-Z, a-z, 0-9, _ and -")
    return text


def _passphrase(text: str) -> str:
    """As RFC 8265 has it (OpaqueString), so that two keyboards write the same one. Raises `bad_payload`."""
    try:
        said: str = _opaque.enforce(_clean(text)) if len(text) <= SPACE * 200 else ""
    except (UnicodeError, ValueError):
        raise fault("bad_payload", "it holds a character that no passphrase may hold") from None
    if is_blank(said):
        raise fault("bad_payload", "there is nothing in it that can be seen")
    if not 8 <= len(said) <= 200:
        raise fault("bad_payload", "a passphrase has 8 to 200 characters")
    return said


def _emoji(text: str) -> str:
    emoji = known(text) if len(text) <= 32 else ""
    if not emoji:
        raise fault("bad_payload", "a reaction is one emoji")
    return emoji


def milliseconds(moment: str) -> int:
    """Since 1970, of a time as messages have it. Raises ValueError."""
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError("without a time zone")
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _moment(text: str) -> str:
    try:
        if len(text) <= MAX_MOMENT:
            milliseconds(text)
            return text
    except (ValueError, OverflowError):
        pass
    raise fault("bad_payload", "a time is written like 2026-11-28T09:30:00.000Z")


def _status(text: str) -> str:
    return _line(text, LIMITS.status, Sentence("A status holds {limit} characters at most.", limit=LIMITS.status))


def _endpoint(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise fault("bad_payload", "this is no address of a push service")
    return text


def _topic(text: str) -> str:
    return _line(text, LIMITS.topic, Sentence("A topic holds {limit} characters at most.", limit=LIMITS.topic))


def _line(text: str, limit: int, too_long: Sentence) -> str:
    """In one line, without controls; empty where it shows nothing."""
    line = ""
    if len(text) <= SPACE * limit:
        line = without_controls(" ".join(_clean(text).split()))
    if len(line or text) > limit:
        raise PydanticCustomError("too_long", "{sentence}", {"sentence": too_long})
    return "" if is_blank(line) else line


def _wish(text: str) -> str:
    if len(text) > MAX_WISH:
        raise fault("bad_nickname", "A nickname has {limit} characters at most.", limit=LIMITS.nickname)
    return _clean(text)


def _reason(text: str) -> str:
    return _line(text, LIMITS.reason, Sentence("A reason holds {limit} characters at most.", limit=LIMITS.reason))


def _welcome(text: str) -> str:
    """As a message, but it may be empty."""
    said = trimmed(text)
    if len(said) > LIMITS.welcome:
        raise fault("too_long", "A welcome holds {limit} characters at most.", limit=LIMITS.welcome)
    return "" if is_blank(_clean(said)) else said


def _query(text: str) -> str:
    said = " ".join(_clean(text).split()) if len(text) <= SPACE * LIMITS.query else ""
    if len(said or text) > LIMITS.query:
        raise fault("too_long", "A search holds {limit} characters at most.", limit=LIMITS.query)
    if is_blank(said):
        raise fault("bad_payload", "there is nothing in it to look for")
    return said


LARGEST = 2**53 - 1  # the largest integer that JavaScript counts exactly

PERSON = r"^[A-Za-z0-9_.-]{1,32}$"

Reason = Annotated[
    str, AfterValidator(_reason), WithJsonSchema({"type": "string", "title": f"text, up to {LIMITS.reason} characters"})
]
Welcome = Annotated[
    str,
    AfterValidator(_welcome),
    WithJsonSchema({"type": "string", "title": f"text, up to {LIMITS.welcome} characters"}),
]
PersonId = Annotated[str, Field(pattern=PERSON), WithJsonSchema({"type": "string", "title": "id of a person"})]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,128}$"), WithJsonSchema({"type": "string", "title": "key"})]
Role = Annotated[Literal["owner", "moderator"], WithJsonSchema({"type": "string", "title": "`owner` or `moderator`"})]
TopicBy = Annotated[Literal["member", "owner"], WithJsonSchema({"type": "string", "title": "`member` or `owner`"})]
Minutes = Annotated[
    float,
    Field(ge=0, le=MAX_MINUTES, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "title": "minutes; 0 lifts it"}),
]
SlowSeconds = Annotated[
    int, Field(ge=0, le=MAX_SLOW_S), WithJsonSchema({"type": "integer", "title": f"seconds, up to {MAX_SLOW_S:,}"})
]
KeepDays = Annotated[
    float, Field(ge=0, le=36_500, allow_inf_nan=False), WithJsonSchema({"type": "number", "title": "days; 0: for ever"})
]
Uses = Annotated[int, Field(ge=1, le=10_000), WithJsonSchema({"type": "integer", "title": "how often, 1 to 10,000"})]
Hours = Annotated[
    float,
    Field(gt=0, le=8_760, allow_inf_nan=False),
    WithJsonSchema({"type": "number", "title": "hours, 8,760 at most"}),
]
EntryNumber = Annotated[
    int, Field(ge=1, le=LARGEST), WithJsonSchema({"type": "integer", "title": "number of an entry"})
]
RoomRef = Annotated[
    str,
    AfterValidator(room_ref),
    WithJsonSchema({"type": "string", "title": "room name, or `@` and the id of a person"}),
]
SearchQuery = Annotated[
    str,
    AfterValidator(_query),
    WithJsonSchema({"type": "string", "title": f"text, 1 to {LIMITS.query} characters"}),
]
HookId = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$"), WithJsonSchema({"type": "string", "title": "id of a hook"})]
Url = Annotated[str, AfterValidator(_clean), WithJsonSchema({"type": "string", "title": "address of a web server"})]
RoomName = Annotated[str, AfterValidator(room_name), WithJsonSchema({"type": "string", "title": "room name"})]
MessageText = Annotated[
    str,
    AfterValidator(message_text),
    WithJsonSchema({"type": "string", "title": f"text, 1 to {LIMITS.text} characters"}),
]
Caption = Annotated[
    str,
    AfterValidator(caption),
    WithJsonSchema({"type": "string", "title": f"text, 1 to {LIMITS.text} characters; of a file it may be empty"}),
]
FileId = Annotated[
    str, Field(pattern=r"^[a-z0-9]{16,32}$"), WithJsonSchema({"type": "string", "title": "id of a file"})
]
MessageId = Annotated[
    str, AfterValidator(_message_id), WithJsonSchema({"type": "string", "title": "8 to 64 of `A-Za-z0-9_-`"})
]
Topic = Annotated[
    str, AfterValidator(_topic), WithJsonSchema({"type": "string", "title": f"text, up to {LIMITS.topic} characters"})
]
Passphrase = Annotated[
    str, AfterValidator(_passphrase), WithJsonSchema({"type": "string", "title": "text, 8 to 200 characters"})
]
Epoch = Annotated[str, Field(pattern="^[0-9a-f]{32}$"), WithJsonSchema({"type": "string", "title": "epoch"})]
NotifyLevel = Annotated[
    Literal["all", "mentions", "none"],
    WithJsonSchema({"type": "string", "title": "`all`, `mentions` or `none`"}),
]
Endpoint = Annotated[
    str,
    Field(max_length=1_000),
    AfterValidator(_endpoint),
    WithJsonSchema({"type": "string", "title": "address of a push service"}),
]
PushSecret = Annotated[
    str, Field(pattern="^[A-Za-z0-9_-]{16,128}={0,2}$"), WithJsonSchema({"type": "string", "title": "base64url"})
]
Status = Annotated[
    str, AfterValidator(_status), WithJsonSchema({"type": "string", "title": f"text, up to {LIMITS.status} characters"})
]
Moment = Annotated[
    str, AfterValidator(_moment), WithJsonSchema({"type": "string", "title": "time, ISO 8601 as in `at`"})
]
Emoji = Annotated[str, AfterValidator(_emoji), WithJsonSchema({"type": "string", "title": "one emoji"})]
Flag = Annotated[bool, WithJsonSchema({"type": "boolean", "title": "true or false"})]
NicknameWish = Annotated[str, AfterValidator(_wish), WithJsonSchema({"type": "string", "title": "nickname"})]
Seq = Annotated[int, Field(ge=1, le=LARGEST), WithJsonSchema({"type": "integer", "title": "seq"})]
Rev = Annotated[int, Field(ge=0, le=LARGEST), WithJsonSchema({"type": "integer", "title": "rev"})]
Seqs = Annotated[
    list[Seq],
    Field(min_length=1, max_length=LIMITS.page),
    WithJsonSchema({"type": "array", "title": f"list of seq, {LIMITS.page} at most"}),
]
PeopleLimit = Annotated[
    int,
    Field(ge=1, le=LARGEST),
    WithJsonSchema({"type": "integer", "title": f"at most so many, {LIMITS.people} at most"}),
]
PageLimit = Annotated[
    int,
    Field(ge=1, le=LARGEST),
    WithJsonSchema({"type": "integer", "title": f"at most so many, {LIMITS.page} at most"}),
]
