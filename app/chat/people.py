"""Nicknames and who bears them. A token names a person for ever; a nickname is what others see."""

import asyncio
import contextlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import regex
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from confusable_homoglyphs.confusables import confusables_data
from precis_i18n import get_profile

from app.chat import Chat
from app.chat.kinds import NicknameWish, Passphrase
from app.model import LIMITS, Person, Refused
from app.store import queries

Answer = dict[str, Any]
T = TypeVar("T")

TRY = 20  # points of the rate that a guess at a passphrase costs its owner's bucket, whoever guesses

_hasher = PasswordHasher()  # RFC 9106, 4: the second recommended option (64 MB)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)
_PLAIN = re.compile(r"[a-z0-9-]+", re.ASCII)
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


def skeletons(name: str) -> tuple[str, ...]:
    """What a nickname looks like: two that share one of these cannot be told apart (UTS 39, 4). Of the name as it is
    written and of the case-folded one: capitals have other look-alikes than small letters."""
    if _PLAIN.fullmatch(name):  # as every guest's: folding changes nothing
        return (_skeleton(name),)
    return tuple({_skeleton(name), _skeleton(_folded.enforce(name).casefold())})


def _skeleton(text: str) -> str:
    looks = "".join(_prototype(char) for char in unicodedata.normalize("NFD", text)).casefold()
    return unicodedata.normalize("NFD", looks).translate(_STROKES)


def _named(name: str) -> queries.Name:
    return name, skeletons(name)


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


def _guests() -> Iterator[queries.Name]:
    """Short, and longer ones in case that one is taken: among some thousands of guests two look alike."""
    yield from (_named(f"guest-{secrets.token_hex(size)}") for size in (3, 3, 6, 12))


def _spare(name: str) -> Iterator[str]:
    """Names like the one that is taken."""
    stem = name[: LIMITS.nickname - 5].rstrip("0123456789 ") or name[: LIMITS.nickname - 5]
    yield from (f"{stem}{number}" for number in range(2, 10))
    yield f"{stem}{secrets.randbelow(9000) + 1000}"


_nickname = nickname  # for verbs whose payload has a field of that name

# --- persons ---


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _new_id() -> str:
    """Begins with the time: who comes at one time lies side by side in every index, and shares its pages."""
    return f"{queries.now():012x}{secrets.token_hex(10)}"


def is_token(text: object) -> bool:
    """Has it the shape of a token? One we do not know is a person we have not met: after the loss of a database
    everybody is still themselves."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


async def arrive(chat: Chat, socket: str, token: str, wish: object, minted: bool = False) -> Person:
    """A socket opens: find or make its person. A wish that is bad or taken is passed over, the person is let in.
    minted: the token is new."""
    try:
        name = _named(nickname(wish)) if isinstance(wish, str) else None
    except Refused:
        name = None
    fingerprint = _fingerprint(chat, token)
    try:
        found = await chat.store.write(
            queries.arrive,
            token=fingerprint,
            new_id=_new_id(),
            wish=name,
            guests=_guests,
            held=_held(chat),
            minted=minted,
        )
    except Refused as refusal:
        found = await chat.store.read(queries.whose, fingerprint)  # where nothing can be stored one can still read
        if found is None or found["nickname"] is None:
            raise refusal from None
    person = Person(found["id"], found["nickname"], socket, fingerprint)
    known = chat.presence.nickname(person.id)
    chat.presence.enter(person, found["reserved"])
    if known not in (None, person.nickname):
        _tell_tabs(chat, person)
    return person


async def depart(chat: Chat, person: Person, awaited: float = 0) -> None:
    """A socket closes, its rooms await the person for so many seconds. With the last one, the time begins after which
    the name is free for others."""
    if chat.presence.exit(person.id, person.socket, awaited):
        await _note_departure(chat, person)


async def _note_departure(chat: Chat, person: Person) -> None:
    await chat.store.write(queries.depart, person.id)
    if chat.presence.is_here(person.id):  # came back while that was written
        await chat.store.write(queries.stay, person.id)


async def rename(chat: Chat, person: Person, *, nickname: NicknameWish) -> Answer:
    """Bear another nickname, in every room and every tab. One that is reserved for somebody needs `identify`."""
    await take(chat, person, nickname)
    return {"me": me(chat, person)}


async def take(chat: Chat, person: Person, wish: str) -> None:
    """Raises `bad_nickname`; `nickname_taken`, with a `suggestion` that is free."""
    name = nickname(wish)
    if name == chat.presence.nickname(person.id):
        return
    spare = [_named(one) for one in _spare(name)]
    await chat.store.write(queries.claim, person=person.id, name=_named(name), held=_held(chat), spare=spare)
    chat.presence.rename(person.id, name)
    _tell_tabs(chat, person)


async def reserve(chat: Chat, person: Person, *, passphrase: Passphrase | None) -> Answer:
    """Keep the nickname that one bears, and any that one takes later: it is free for nobody else, however long one is
    away, and with the passphrase one is the same person on every device. `null` gives that up."""
    shown = await _alone(chat, _hasher.hash, passphrase) if passphrase else None
    person = now(chat, person)  # another tab may have become somebody else meanwhile, and with it this one
    await chat.store.write(queries.reserve, person=person.id, passphrase=shown)
    chat.presence.reserve(person.id, shown is not None)
    _tell_tabs(chat, person)
    return {"me": me(chat, person)}


async def identify(chat: Chat, person: Person, *, nickname: NicknameWish, passphrase: Passphrase) -> Answer:
    """Be the person who reserved this nickname, in this browser from now on. What one said before stays as it was."""
    looks = skeletons(_nickname(nickname))
    owner = await chat.store.read(queries.reserved, looks)
    if owner is None:
        raise Refused("not_allowed", f"Nobody has reserved “{nickname}”, so no passphrase opens it.")
    chat.rates.spend(f"passphrase of {owner['id']}", TRY)
    if not await _alone(chat, _opens, owner["passphrase"], passphrase):
        raise Refused("not_allowed", f"This is not the passphrase of “{owner['nickname']}”.")
    await chat.store.write(queries.hand_over, token=person.token, person=owner["id"])
    await _become(chat, now(chat, person), owner["id"], owner["nickname"])
    return {"me": me(chat, now(chat, person))}


async def _become(chat: Chat, former: Person, id: str, nickname: str) -> None:
    """Every tab of this browser is the owner's now, and goes on where it sits."""
    if id == former.id:
        return
    last = False
    for tab in chat.presence.tabs(former.id):
        if tab.token == former.token:
            last = chat.presence.become(tab.socket, replace(tab, id=id, nickname=nickname), True)
    _tell_tabs(chat, now(chat, former))
    if last:
        with contextlib.suppress(Refused):  # nothing can be stored: the former name is held until the next start
            await _note_departure(chat, former)


def now(chat: Chat, person: Person) -> Person:
    """Who asks, as of now: while something was awaited, another tab may have made them somebody else. Raises KeyError
    where they have gone."""
    return chat.presence.person(person.socket)


def _tell_tabs(chat: Chat, person: Person) -> None:
    """Let the person's other sockets know who they are now."""
    for tab in chat.presence.tabs(person.id):
        if tab.socket != person.socket:
            chat.voice.whisper(tab.socket, "me", {"me": me(chat, tab)})


def me(chat: Chat, person: Person) -> Answer:
    myself = {"id": person.id, "nickname": borne(chat, person)}
    return myself | {"reserved": True} if chat.presence.reserved(person.id) else myself


def borne(chat: Chat, person: Person) -> str:
    """The nickname that the person bears now; the one they came with may be another."""
    return chat.presence.nickname(person.id) or person.nickname


async def _alone(chat: Chat, reckon: Callable[..., T], *args: Any) -> T:
    """Argon2 takes much time and memory on purpose: off the loop, and one at a time."""
    async with chat.one_at_a_time:
        return await asyncio.to_thread(reckon, *args)


def _opens(shown: str, passphrase: str) -> bool:
    try:
        return _hasher.verify(shown, passphrase)
    except Argon2Error:
        return False


def _held(chat: Chat) -> int:
    return int(chat.nickname_hold * 1000)


def _fingerprint(chat: Chat, token: str) -> str:
    """What is kept of a token: who reads the database cannot sign in with it."""
    return hmac.digest(chat.secret.encode(), token.encode(), "sha256").hex()
