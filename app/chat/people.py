"""Nicknames and who bears them. A token names a person for ever; a nickname is what others see."""

import contextlib
import hmac
import re
import secrets
from typing import Any, TypeGuard

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from app.chat import Chat, names
from app.chat.kinds import NicknameWish, Passphrase
from app.model import Connection, Person, Refused
from app.store import queries

Answer = dict[str, Any]

TRY = 20  # points of the rate that a guess at a passphrase costs its owner's bucket, whoever guesses

_hasher = PasswordHasher()  # RFC 9106, 4: the second recommended option (64 MB)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}", re.ASCII)


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _new_id() -> str:
    """Begins with the time: who comes at one time lies side by side in every index, and shares its pages."""
    return f"{queries.now():012x}{secrets.token_hex(10)}"


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
    chat: Chat, token: str, wish: object, minted: bool = False, keeps_token: bool = True
) -> tuple[Person, bool]:
    """The person of a token, made on the first visit; and whether their name is reserved. A wish that is bad or taken
    is passed over. minted: the token is new. keeps_token: as in Connection."""
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
            minted=minted,
            brief=_brief(chat, keeps_token),
        )
    except Refused as refusal:
        known = await chat.store.read(queries.whose, digest)  # where nothing can be stored one can still read
        if known is None or known["nickname"] is None:
            raise refusal from None
        found = known
    return Person(found["id"], found["nickname"]), found["reserved"]


async def note_departure(chat: Chat, person: Person, keeps_token: bool) -> None:
    """Where nobody has the token any more (no cookie kept it), nobody can come back for the name: it is held no longer
    than for a connection that broke."""
    await chat.store.write(queries.depart, person.id, _brief(chat, keeps_token))
    if chat.presence.online.is_online(person.id):  # came back while that was written
        await chat.store.write(queries.stay, person.id)


async def note_absent(chat: Chat) -> None:
    """Another server was let go on this database: who was with it and has not come here has left."""
    here = set(chat.presence.online.ids())
    await chat.store.write(queries.mark_all_departed, but=sorted(here))
    for person in set(chat.presence.online.ids()) - here:  # came while that was written
        await chat.store.write(queries.stay, person)


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
    await chat.store.write(queries.claim, person=person.id, name=names.named(name), held=_held(chat), spare=spare)
    chat.presence.rename(person.id, name)
    tell_others(chat, person, connection)


async def reserve(chat: Chat, connection: Connection, *, passphrase: Passphrase | None) -> Answer:
    """Keep the nickname that one bears, and any that one takes later: it is free for nobody else, however long one is
    away, and with the passphrase one is the same person on every device. `null` gives that up."""
    if passphrase:
        names.bearable(borne(chat, connection.person), chat.site)
    shown = await chat.passphrases.run(connection.id, _hasher.hash, passphrase) if passphrase else None
    person = connection.person  # not before: another tab may have become somebody else meanwhile, and with it this one
    await chat.store.write(queries.reserve, person=person.id, passphrase=shown)
    chat.presence.online.set_reserved(person.id, shown is not None)
    tell_others(chat, person, connection)
    return {"me": me(chat, person)}


async def identify(chat: Chat, connection: Connection, *, nickname: NicknameWish, passphrase: Passphrase) -> Answer:
    """Be the person who reserved this nickname, in this browser from now on. What one said before stays as it was."""
    name = names.nickname(nickname)
    owner = await chat.store.read(queries.reserved, name, names.skeletons(name))
    if owner is None:
        raise Refused("not_allowed", f"Nobody has reserved “{name}”, so no passphrase opens it.")
    chat.rates.spend(f"passphrase of {owner['id']}", TRY)
    if not await chat.passphrases.run(connection.id, _opens, owner["passphrase"], passphrase):
        raise Refused("not_allowed", f"This is not the passphrase of “{owner['nickname']}”.")
    await chat.store.write(queries.hand_over, token=connection.token, person=owner["id"])
    await _become(chat, connection, Person(owner["id"], owner["nickname"]))
    return {"me": me(chat, connection.person)}


async def _become(chat: Chat, connection: Connection, owner: Person) -> None:
    """Every tab of this browser is the owner's now, and goes on in the rooms it has joined."""
    former = connection.person
    if former.id == owner.id:
        return
    last = False
    for one in chat.presence.online.connections(former.id):
        if one.token == connection.token:
            last = chat.presence.change_person(one, owner, True)
    tell_others(chat, owner, connection)
    if last:
        with contextlib.suppress(Refused):  # nothing can be stored: the former name is held until the next start
            await note_departure(chat, former, connection.keeps_token)


def tell_others(chat: Chat, person: Person, connection: Connection) -> None:
    """Let the person's connections besides this one know who they are now."""
    for other in chat.presence.online.connections(person.id):
        if other is not connection:
            chat.broadcaster.send_to(other.id, "me", {"me": me(chat, person)})


def me(chat: Chat, person: Person) -> Answer:
    myself = {"id": person.id, "nickname": borne(chat, person)}
    return myself | {"reserved": True} if chat.presence.online.is_reserved(person.id) else myself


def borne(chat: Chat, person: Person) -> str:
    """The nickname that the person bears now; the one they came with may be another."""
    return chat.presence.online.nickname(person.id) or person.nickname


def _opens(shown: str, passphrase: str) -> bool:
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
