"""Nicknames and who bears them. A token names a person for ever; a nickname is what others see."""

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import uuid4

import regex
from confusable_homoglyphs.confusables import confusables_data
from precis_i18n import get_profile

from app.chat import Chat
from app.chat.kinds import NicknameWish
from app.model import LIMITS, Person, Refused
from app.store import queries

Answer = dict[str, Any]

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)
_PICTURE_STYLE = "\ufe0f"  # asks for an emoji in colour; RFC 8266 knows no such thing
_STROKES = str.maketrans({"i": "l", "1": "l", "|": "l", " ": None})  # one stroke is as good as another, a blank as none
_profile = get_profile("NicknameCasePreserved")
_folded = get_profile("NicknameCaseMapped")


# --- names ---


def nickname(wish: str) -> str:
    """The nickname as RFC 8266 has it: blanks folded, NFKC, 1 to 32 graphemes. Raises `bad_nickname`."""
    if len(wish) > 8 * LIMITS.nickname:
        raise Refused("bad_nickname", f"A nickname has {LIMITS.nickname} characters at most.")
    try:
        name: str = _profile.enforce(wish.replace(_PICTURE_STYLE, ""))
    except (UnicodeError, ValueError):
        text = "A nickname has letters, digits and symbols, but no control, joining or invisible characters."
        raise Refused("bad_nickname", text) from None
    if not name or not any(unicodedata.category(char)[0] in "LNS" for char in name):
        raise Refused("bad_nickname", "A nickname has at least one letter, digit or symbol.")
    if len(regex.findall(r"\X", name)) > LIMITS.nickname or len(name) > 4 * LIMITS.nickname:
        raise Refused("bad_nickname", f"A nickname has {LIMITS.nickname} characters at most.")
    return name


def skeleton(name: str) -> str:
    """What a nickname looks like: two that share it cannot be told apart (UTS 39, 4, on the case-folded name)."""
    folded = unicodedata.normalize("NFD", _folded.enforce(name).casefold())
    looks = "".join(_prototype(char) for char in folded).casefold()
    return unicodedata.normalize("NFD", looks).translate(_STROKES)


@cache
def _prototype(char: str) -> str:
    """The one of its look-alikes that stands for a character. The data names for each source its one prototype, and for
    each prototype all its sources; of a pair that names each other, the smaller stands for both."""
    alike = [entry["c"] for entry in confusables_data.get(char, ())]
    if len(alike) != 1:
        return char
    back = confusables_data.get(alike[0], ())
    other: str = alike[0]
    return min(char, other) if len(back) == 1 else other


def _guest() -> str:
    return f"guest-{secrets.token_hex(3)}"


def _spare(name: str) -> Iterator[str]:
    """Names like the one that is taken."""
    stem = name[: LIMITS.nickname - 5].rstrip("0123456789 ") or name[: LIMITS.nickname - 5]
    yield from (f"{stem}{number}" for number in range(2, 10))
    yield f"{stem}{secrets.randbelow(9000) + 1000}"


# --- persons ---


def new_token() -> str:
    return secrets.token_urlsafe(32)


def is_token(text: object) -> bool:
    """Has it the shape of a token? One we do not know is a person we have not met: after the loss of a database
    everybody is still themselves."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


async def arrive(chat: Chat, socket: str, token: str, wish: object) -> Person:
    """A socket opens: find or make its person. A wish that is bad or taken is passed over, the person is let in."""
    try:
        name = nickname(wish) if isinstance(wish, str) else None
    except Refused:
        name = None
    guest = _guest()
    found = await chat.store.write(
        queries.arrive,
        token=_fingerprint(chat, token),
        new_id=uuid4().hex,
        wish=(name, skeleton(name)) if name else None,
        guest=(guest, skeleton(guest)),
        held=_held(chat),
    )
    person = Person(found["id"], found["nickname"], socket)
    chat.presence.enter(person)
    return person


async def depart(chat: Chat, person: Person) -> None:
    """A socket closes; with the last one, the time begins after which the name is free for others."""
    if chat.presence.exit(person.id, person.socket):
        await chat.store.write(queries.depart, person.id)
        if chat.presence.nickname(person.id) is not None:  # came back while that was written
            await chat.store.write(queries.stay, person.id)


async def rename(chat: Chat, person: Person, *, nickname: NicknameWish) -> Answer:
    """Bear another nickname, in every room and every tab."""
    await take(chat, person, nickname)
    return {"me": me(chat, person)}


async def take(chat: Chat, person: Person, wish: str) -> None:
    """Raises `bad_nickname`; `nickname_taken`, with a `suggestion` that is free."""
    name = nickname(wish)
    if name == chat.presence.nickname(person.id):
        return
    await chat.store.write(
        queries.claim,
        person=person.id,
        nickname=name,
        skeleton=skeleton(name),
        held=_held(chat),
        spare=[(spare, skeleton(spare)) for spare in _spare(name)],
    )
    chat.presence.rename(person.id, name)


def me(chat: Chat, person: Person) -> dict[str, str]:
    return {"id": person.id, "nickname": borne(chat, person)}


def borne(chat: Chat, person: Person) -> str:
    """The nickname that the person bears now; the one they came with may be another."""
    return chat.presence.nickname(person.id) or person.nickname


def _held(chat: Chat) -> int:
    return int(chat.nickname_hold * 1000)


def _fingerprint(chat: Chat, token: str) -> str:
    """What is kept of a token: who reads the database cannot sign in with it."""
    return hmac.new(chat.secret.encode(), token.encode(), hashlib.sha256).hexdigest()
