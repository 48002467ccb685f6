"""The nouns that everybody shares. Nothing here imports anything of ours."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: somebody signed in, with the nickname of that moment."""

    id: str
    nickname: str


@dataclass(frozen=True, slots=True)
class About:
    """What somebody says of themselves: a status, until then (milliseconds since 1970; None: for good), and whether
    others may see when they were here last."""

    status: str = ""
    until: int | None = None
    shows_last_seen: bool = False


NOTHING = About()


@dataclass(frozen=True, slots=True)
class Profile(Person):
    """How somebody is called and what they say of themselves, as of change `rev` of that: what has the higher one is
    newer, whoever says it. about: None: as it was."""

    reserved: bool = False
    rev: int = 0
    about: About | None = None


NOT_YET = 2**53  # milliseconds since 1970: later than anything


@dataclass(slots=True, eq=False)
class Connection:
    """Through what a person is here and hears of rooms. A person may have several, and one may come to belong to
    another person (`identify`), so `person` is as of now.

    id: the broadcaster's name for it. token: the fingerprint of the token that it came with. keeps_token: the client is
    known to hold the token for longer than this visit, as a browser does in its cookie; None: it was never told it.
    site: the address of this site as the client has it. address: the network that it came from, as limits count it (of
    IPv6 a /64); empty where nobody can tell for certain. cookie: its token came in a cookie, which no script can read.
    renewed: the fingerprint of the token that its client was given in place of that one. known_since: when its person
    was stored, in milliseconds. visits: it is one request (HTTP): in no list of people, and nothing is told it.
    visiting: the room that the gate has let it into. away: nobody has touched its page for a while. language: of the
    sentences that it is told.
    """

    id: str
    person: Person
    token: str = field(default="", repr=False)
    keeps_token: bool | None = True
    address: str = ""
    site: str = ""
    cookie: bool = False
    renewed: str = field(default="", repr=False)
    known_since: int = NOT_YET
    visits: bool = False
    visiting: str = ""
    away: bool = False
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Member(Person):
    """A person who is in `room`. Only the gate makes one: a verb that takes a Member cannot be reached without it.

    connection: through which they ask. rules_rev: of the room's rules by which the gate has let them through; whoever
    writes says so (store/queries/access.py).
    """

    room: str
    connection: Connection = field(compare=False, repr=False)
    rules_rev: int = 0


@dataclass(frozen=True, slots=True)
class Speaker(Member):
    """A member who may say something: not muted."""


@dataclass(frozen=True, slots=True)
class Moderator(Member):
    """A member who keeps order: a moderator or an owner."""


@dataclass(frozen=True, slots=True)
class Owner(Moderator):
    """A member to whom the room belongs."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A connection that has joined `room`, and hears it. Only the gate makes one."""

    connection: Connection
    room: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What is too much. Told to every client in `welcome`, so that pages can warn while one types.

    text: characters of a message. nickname: graphemes. topic, welcome, reason, room, status:
    characters. rooms: that one connection is in. query: characters of a search. found: messages that it finds at
    once.
    page: messages in one answer. people: entries in one answer; first_people: in that to a join. reactions: different
    ones on a message. reaction_names: nicknames that it shows of each. ignored: people whom one ignores. behind:
    changes after which a client starts over instead of catching up. file: bytes of a file; 0 where none can be sent.
    """

    text: int = 4_000
    nickname: int = 32
    topic: int = 200
    welcome: int = 1_000
    reason: int = 200
    status: int = 100
    room: int = 64
    query: int = 200
    found: int = 20
    rooms: int = 100
    page: int = 100
    people: int = 200
    first_people: int = 50
    reactions: int = 20
    reaction_names: int = 8
    ignored: int = 500
    behind: int = 1_000
    file: int = 0


LIMITS = Limits()
ROW_BYTES = 300  # that the database takes for a message besides its text, about; for a reaction all of it
COOKIE = "parlor_token"  # in which a browser carries its token; no script can read it
HOST_COOKIE = f"__Host-{COOKIE}"  # by https: no other host, and nobody without https, can have put it there


BOT = "bot-"  # with which the ids of bots begin: every message tells by its author whether a program has said it


def is_bot(person: str) -> bool:
    """By the id."""
    return person.startswith(BOT)


class Sentence(str):
    """A sentence for people: English, made of a pattern with named places (`{who}`) and their values, which it still
    knows. So whoever shows it can say the same in another language (app/languages). A value may be a Sentence, too.
    The pattern is a literal where it is made: there `make languages` finds it.

    other: the pattern for all numbers but one, where the sentence counts `n`; else empty.
    """

    pattern: str
    other: str
    values: dict[str, Any]

    def __new__(cls, pattern: str, /, **values: Any) -> "Sentence":
        made = super().__new__(cls, pattern.format(**values) if values else pattern)
        made.pattern, made.other, made.values = pattern, "", values
        return made


def counted(one: str, other: str, n: int, /, **values: Any) -> Sentence:
    """A Sentence that counts: `counted("{n} day", "{n} days", 3)`."""
    made = Sentence(one if n == 1 else other, n=n, **values)
    made.pattern, made.other = one, other
    return made


def joined(*sentences: str) -> Sentence:
    """Whole sentences, one after the other."""
    places = {f"sentence_{number}": sentence for number, sentence in enumerate(sentences)}
    return Sentence(" ".join(f"{{{place}}}" for place in places), **places)


def span(seconds: float) -> Sentence:
    """A length of time as people say it, rounded up."""
    if seconds <= 100:
        return Sentence("{n} s", n=max(1, ceil(seconds)))
    if seconds <= 6_000:
        return Sentence("{n} min", n=ceil(seconds / 60))
    if seconds <= 172_800:
        return counted("{n} hour", "{n} hours", ceil(seconds / 3_600))
    return counted("{n} day", "{n} days", ceil(seconds / 86_400))


class Refused(Exception):
    """A no with a code for machines and a sentence for people. Our only exception: anything else is a bug.

    `extra` travels in the answer beside them, e.g. `suggestion` or `retry_after` (seconds). text: English; a Sentence
    where it holds values. Whoever sends the answer translates it (app/languages).
    """

    def __init__(self, code: str, text: str, **extra: Any) -> None:
        super().__init__(text)
        self.code, self.text, self.extra = code, text, extra

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, "text": self.text, **self.extra}


ERRORS = {
    "bad_token": "Nobody has this token: it was not issued here, or was taken back. Over HTTP also where none is sent.",
    "bad_payload": "The payload is not what the verb takes; the sentence says which field and why.",
    "no_such_verb": "There is no such verb.",
    "no_such_room": "There is no such room.",
    "no_such_message": "There is no such message in this room.",
    "no_such_hook": "There is no hook with this id or this secret; perhaps it was removed.",
    "bad_nickname": "The nickname cannot be used: empty, too long, with characters RFC 8266 disallows, or one that "
    "would be mistaken for the site or for everybody.",
    "nickname_taken": "Somebody bears this nickname or one that looks like it; `suggestion` is free. `holder` says "
    "who: `here`, `away` (it is theirs `until` then) or `reserved` (also as `reserved: true`: a passphrase opens it).",
    "bad_room": "A room's name is 1 to 64 of a-z, 0-9, `_` and `-`, and starts with a letter or digit.",
    "not_allowed": "Not yours to do.",
    "not_member": "Join the room first.",
    "no_such_person": "Nobody with this id is known.",
    "banned": "Kept out of the room, `until` then or for good, for the `reason` that was given; `retry_after` where it "
    "ends. After a kick for some seconds.",
    "muted": "May read and not speak in the room, `until` then or for good, for the `reason` that was given.",
    "locked": "The room lets nobody new in without an invite.",
    "wrong_passphrase": "The room has a passphrase, and this is not it; with `needed` none was given.",
    "slow_mode": "The room takes one message of each person in so many seconds; come back after `retry_after`.",
    "too_long": "Longer than the limit that `welcome` tells.",
    "too_fast": "Too many requests, or too much of the same; come back after `retry_after` seconds. `limit` says of "
    "what: `actions`; of messages `repeats`, `crowd` or `mentions`.",
    "too_slow": "The search would take too long, and was given up. Look for something rarer, or in one room.",
    "too_many": "As many as one connection may have, of rooms say; leave one first. With `retry_after` as many as one "
    "person or one address may have in that time, of what `limit` names: `handshakes`, `new_people`, `new_rooms`, "
    "`new_directs`, `address_bytes`, `person_bytes`, `address_files`, `person_files`, `uploads`; then it passes by "
    "itself, and the same may be sent again.",
    "file_too_large": "A file larger than the limit that `welcome` tells, or a picture of more pixels than are read.",
    "file_type": "It looks like a picture, and is damaged or none.",
    "no_such_file": "There is no such file, or it is not one's own, or it was sent before; upload it again.",
    "id_reused": "This id was used for another text.",
    "out_of_order": "The message that this one `follows` is not stored; send that one first.",
    "storage": "The message could not be stored; nothing was lost that was acked. Retry after `retry_after` seconds.",
    "broken": "A fault of the server, logged under `ref`.",
}
