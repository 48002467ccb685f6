"""Nicknames and who bears them. A token names a person for ever; a nickname is what others see."""

import contextlib
import hmac
import logging
import re
import secrets
from typing import Any, TypeGuard

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from app.chat import Chat, ignoring, names
from app.chat.kinds import NicknameWish, Passphrase
from app.model import Connection, Person, Profile, Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

Answer = dict[str, Any]

TRY = 20  # points of the rate that a guess at a passphrase costs its owner's bucket, whoever guesses

CLOCKS_DIFFER_MS = 3_600_000  # of several processes, at most

_TIMED = re.compile(r"[0-9a-f]{12,}")
_hasher = PasswordHasher()  # RFC 9106, 4: the second recommended option (64 MB)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _new_id() -> str:
    """Begins with the time: who comes at one time lies side by side in every index, and shares its pages."""
    return f"{queries.now():012x}{secrets.token_hex(10)}"


def known_since(person: str) -> int:
    """Milliseconds since 1970; 0 where nobody can tell, of people from before ids began with the time."""
    made = int(person[:12], 16) if _TIMED.fullmatch(person) else 0
    return made if made <= queries.now() + CLOCKS_DIFFER_MS else 0


def is_token(text: object) -> TypeGuard[str]:
    """Has it the shape of a token? One we do not know is a person we have not met: after the loss of a database
    everybody is still themselves."""
    return isinstance(text, str) and _TOKEN.fullmatch(text) is not None


async def renew_skeletons(chat: Chat) -> None:
    """Compare all names by today's rule where the stored skeletons were made by another: without that, a name could be
    taken by somebody whose own looks the same. Nobody loses a name by it. Raises Refused."""
    if await chat.store.read(queries.rule, "skeletons") == names.RULE:
        return
    after: str | None = ""
    while after is not None:
        after = await chat.store.write(queries.look_anew, after=after, looks_of=names.skeletons)
    await chat.store.write(queries.set_rule, "skeletons", names.RULE)


async def sign_in(
    chat: Chat, token: str, wish: object, minted: bool = False, keeps_token: bool = True, address: str = ""
) -> tuple[Profile, str]:
    """The person of a token, made on the first visit; and what of them is new, the "person" or the "name". A wish that
    is bad or taken is passed over. minted: the token is new. keeps_token, address: as in Connection."""
    try:
        name = names.named(names.bearable(names.nickname(wish), chat.site)) if isinstance(wish, str) else None
    except Refused:
        name = None
    digest = fingerprint(chat, token)
    try:
        found = await chat.store.write(
            queries.arrive,
            token=digest,
            new_id=_new_id(),
            wish=name,
            guests=names.guests,
            held=_held(chat),
            process=chat.process,
            minted=minted,
            brief=_brief(chat, keeps_token),
            address=address and fingerprint(chat, address),
        )
    except Refused as refusal:
        known = await chat.store.read(queries.whose, digest)  # where nothing can be stored one can still read
        if known is None or known["nickname"] is None:
            raise refusal from None
        chat.has_unrecorded = True
        found = known
    new = "person" if found.pop("is_new", False) else "name" if found.pop("is_renamed", False) else ""
    return Profile(**found), new


async def is_known(chat: Chat, token: str) -> bool:
    return await chat.store.read(queries.whose, fingerprint(chat, token)) is not None


async def note_departure(chat: Chat, person: str, keeps_token: bool) -> None:
    """Nobody of this person is connected to this process any more. Where nobody has the token any more (no cookie kept
    it), nobody can come back for the name: it is held no longer than for a connection that broke. Raises Refused, and
    it is done later (leases.py)."""
    try:
        await chat.store.write(queries.depart, person, chat.process, _brief(chat, keeps_token))
        if chat.presence.online.is_here(person):  # came back while that was written
            await chat.store.write(queries.stay, person, chat.process)
    except Refused:
        chat.has_unrecorded = True
        raise


async def rename(chat: Chat, connection: Connection, *, nickname: NicknameWish) -> Answer:
    """Bear another nickname, in every room and every tab. One that is reserved for somebody needs `identify`."""
    person = connection.person
    await take(chat, connection, nickname)
    return {"me": me(chat, person)}


async def take(chat: Chat, connection: Connection, wish: str) -> None:
    """Raises `bad_nickname`; `nickname_taken`, with a `suggestion` that is free."""
    name, person = names.nickname(wish), connection.person
    if name == chat.presence.online.nickname(person.id):
        return
    names.bearable(name, chat.site)
    spare = list(names.spare(name, chat.site))
    named = names.named(name)
    rev = await chat.store.write(queries.claim, person=person.id, name=named, held=_held(chat), spare=spare)
    _tell(chat, Profile(person.id, name, chat.presence.online.is_reserved(person.id), rev), connection)


async def reserve(chat: Chat, connection: Connection, *, passphrase: Passphrase | None) -> Answer:
    """Keep the nickname that one bears, and any that one takes later: it is free for nobody else, however long one is
    away, and with the passphrase one is the same person on every device. `null` gives that up."""
    if passphrase:
        names.bearable(borne(chat, connection.person), chat.site)
    shown = await chat.passphrases.run(connection.id, hashed, passphrase) if passphrase else None
    person = connection.person  # not before: another tab may have become somebody else meanwhile, and with it this one
    rev = await chat.store.write(queries.reserve, person=person.id, passphrase=shown)
    _tell(chat, Profile(person.id, borne(chat, person), shown is not None, rev), connection)
    return {"me": me(chat, person)}


async def identify(chat: Chat, connection: Connection, *, nickname: NicknameWish, passphrase: Passphrase) -> Answer:
    """Be the person who reserved this nickname, in this browser from now on. What one said before stays as it was."""
    name = names.nickname(nickname)
    owner = await chat.store.read(queries.reserved, name, names.skeletons(name))
    if owner is None:
        raise Refused("not_allowed", f"Nobody has reserved “{name}”, so no passphrase opens it.")
    await chat.rates.spend_everywhere(f"passphrase of {owner['id']}", TRY)
    if not await chat.passphrases.run(connection.id, opens, owner["passphrase"], passphrase):
        raise Refused("not_allowed", f"This is not the passphrase of “{owner['nickname']}”.")
    token, former = connection.token, connection.person.id
    await chat.store.write(queries.hand_over, token=token, person=owner["id"], process=chat.process)
    if former != owner["id"]:
        profile = Profile(owner["id"], owner["nickname"], True, owner["rev"])
        for room in await chat.store.write(queries.take_along, former, owner["id"]):
            chat.on_rules(room)
        chat.directory.tell_identified(token, former, profile)
        await become(chat, token, former, profile, connection)
    return {"me": me(chat, connection.person)}


async def become(chat: Chat, token: str, former: str, owner: Profile, asker: Connection | None = None) -> bool:
    """Every tab of the browser with this token is the owner's now, and goes on in the rooms it has joined. False where
    none is open here. asker: the connection that asked, which needs no telling."""
    tabs = [one for one in chat.presence.online.connections(former) if one.token == token]
    last = False
    for one in tabs:
        last = chat.presence.change_person(one, owner)
        chat.on_person(one)
    if tabs:
        tell_tabs(chat, owner, asker)
        with contextlib.suppress(Refused):  # known with the next connection
            await ignoring.tell_ignored(chat, owner.id)
    if last:
        try:
            await note_departure(chat, former, tabs[0].keeps_token)
        except Refused as refusal:
            log.warning("a departure could not be noted yet: %s", refusal.text)
    return bool(tabs)


async def hear_identified(chat: Chat, token: str, former: str, owner: Profile) -> None:
    """Another process has found out that the browser with this token is the owner's."""
    if await become(chat, token, former, owner):
        try:
            await chat.store.write(queries.stay, owner.id, chat.process)
        except Refused:
            chat.has_unrecorded = True


def hear_profile(chat: Chat, profile: Profile) -> None:
    """Another process says how somebody is called."""
    if chat.presence.update(profile):
        tell_tabs(chat, profile)


def _tell(chat: Chat, profile: Profile, connection: Connection) -> None:
    """Let everybody know how the person is called now, who asked for it by this connection."""
    chat.presence.update(profile)
    tell_others(chat, profile, connection)


def tell_others(chat: Chat, profile: Profile, connection: Connection) -> None:
    """Let the person's connections besides this one, of all processes, know who they are now."""
    tell_tabs(chat, profile, connection)
    chat.directory.tell_profile(profile)


def tell_tabs(chat: Chat, person: Person, but: Connection | None = None) -> None:
    """Let the person's connections to this process know who they are now."""
    for one in chat.presence.online.connections(person.id):
        if one is not but:
            chat.broadcaster.send_to(one.id, "me", {"me": me(chat, person)})


def me(chat: Chat, person: Person) -> Answer:
    myself = {"id": person.id, "nickname": borne(chat, person)}
    return myself | {"reserved": True} if chat.presence.online.is_reserved(person.id) else myself


def borne(chat: Chat, person: Person) -> str:
    """The nickname that the person bears now; the one they came with may be another."""
    return chat.presence.online.nickname(person.id) or person.nickname


def hashed(passphrase: str) -> str:
    """Takes 64 MB and 50 ms: in `chat.passphrases` only."""
    return _hasher.hash(passphrase)


def opens(shown: str, passphrase: str) -> bool:
    try:
        return _hasher.verify(shown, passphrase)
    except Argon2Error:
        return False


def _held(chat: Chat) -> int:
    return int(chat.nickname_hold * 1000)


def _brief(chat: Chat, keeps_token: bool) -> int | None:
    return None if keeps_token else int(chat.grace * 1000)


def fingerprint(chat: Chat, token: str) -> str:
    """What is kept of a token: who reads the database cannot sign in with it."""
    return hmac.digest(chat.secret.encode(), token.encode(), "sha256").hex()
