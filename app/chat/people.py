"""Nicknames and who bears them. A token names a person for ever; a nickname is what others see."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error

from app.chat import Chat, ignoring, names
from app.chat.kinds import NicknameWish, Passphrase
from app.chat.newcomers import Newcomer
from app.chat.rules import when
from app.chat.tokens import is_handle, is_seed, is_token, mac, new_handle, person_id
from app.model import NOT_YET, NOTHING, About, Connection, Person, Profile, Refused, Sentence, is_bot, joined
from app.store import queries

log = logging.getLogger("parlor.chat")

Answer = dict[str, Any]


hasher = PasswordHasher()  # RFC 9106, 4: the second recommended option (64 MB)


async def renew_skeletons(chat: Chat) -> None:
    """Compare all names by today's rule where the stored skeletons were made by another: without that, a name could be
    taken by somebody whose own looks the same. Nobody loses a name by it. Raises Refused."""
    if await chat.store.read(queries.rule, "skeletons") == names.RULE:
        return
    after: str | None = ""
    while after is not None:
        after = await chat.store.write(queries.look_anew, after=after, looks_of=names.skeletons)
    await chat.store.write(queries.set_rule, "skeletons", names.RULE)


# --- coming and going ---


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who comes. token: the fingerprint of that by which they came. is_renamed: they are called otherwise than
    before. known_since: as in Connection."""

    profile: Profile
    token: str = field(default="", repr=False)
    is_renamed: bool = False
    known_since: int = NOT_YET


TOUCHED_AFTER = 0.1  # of the time for which a name is held: then it begins anew for whoever comes without staying
REVOKED = Arrival(Profile("", ""))  # of a token that is good no longer


def wish(chat: Chat, nickname: object) -> queries.Name | None:
    """The nickname that somebody would like to bear; None where it cannot be one."""
    try:
        return names.named(names.bearable(names.nickname(nickname), chat.site)) if isinstance(nickname, str) else None
    except Refused:
        return None


def why_not(chat: Chat, person: Person, nickname: str) -> Refused | None:
    """Why somebody who came with this wish bears another name; None where they bear it."""
    try:
        name = names.bearable(names.nickname(nickname), chat.site)
    except Refused as refusal:
        return Refused(
            refusal.code, joined(refusal.text, Sentence("You are {nickname} now.", nickname=person.nickname))
        )
    if name == person.nickname:
        return None
    text = Sentence("“{name}” is taken. You are {nickname} now.", name=name, nickname=person.nickname)
    return Refused("nickname_taken", text)


async def sign_in(chat: Chat, token: str, wish: queries.Name | None, address: str) -> Arrival | None:
    """The person of a token; None where nothing is stored of them. A wish that is taken is passed over."""
    digest = fingerprint(chat, token)
    if wish and chat.newcomers.bearer(wish[1]):
        wish = None
    try:
        found = await chat.store.write(
            queries.arrive,
            token=digest,
            wish=wish,
            guests=names.guests,
            held=held(chat),
            process=chat.process,
            address=address and fingerprint(chat, address),
        )
    except Refused as refusal:
        found = await chat.store.read(queries.whose, digest)  # where nothing can be stored one can still read
        if found and "id" in found:
            if found["nickname"] is None:
                raise refusal from None
            chat.has_unrecorded = True
            return Arrival(_profile(found), digest, known_since=found["created_at"])
    if found is None:
        return None
    if "is_revoked" in found:
        return REVOKED
    chat.newcomers.remove(found["id"])  # another process has stored them
    if former := found.get("replaces"):
        revoke(chat, former, digest)
    return Arrival(_profile(found), digest, "is_renamed" in found, found["created_at"])


async def seen(chat: Chat, token: str) -> Arrival | None:
    """The person of a token, who asks something and does not stay; None where nothing is stored of them. Nothing is
    written, but where they have lost their name meanwhile, or the token is to be confirmed."""
    digest = fingerprint(chat, token)
    found = await chat.store.read(queries.whose, digest)
    if found is None:
        return None
    if "is_revoked" in found:
        return REVOKED
    if found["nickname"] is not None and "replaces" not in found:
        if found["left_at"] is not None and queries.now() - found["left_at"] > held(chat) * TOUCHED_AFTER:
            await left(chat, found["id"], keeps_token=True)  # the name is theirs while they come again and again
        return Arrival(_profile(found), digest, known_since=found["created_at"])
    arrival = await sign_in(chat, token, None, "")
    if arrival and arrival is not REVOKED and not chat.presence.online.is_here(arrival.profile.id):
        await left(chat, arrival.profile.id, keeps_token=True)
    return arrival


async def refuse_taken(chat: Chat, nickname: str) -> queries.Name:
    """The nickname as somebody new may bear it now. Raises `bad_nickname`; `nickname_taken`, with a `suggestion`."""
    name = names.named(names.bearable(names.nickname(nickname), chat.site))
    spare = _unclaimed(chat, [name, *names.spare(name[0], chat.site)])
    free = await chat.store.read(queries.first_free, "", spare, held(chat)) if spare else None
    if free and free[0] == name[0]:
        return name
    if free is None:
        text = Sentence("Somebody bears “{name}”, or a name that looks like it. Choose another one.", name=name[0])
        raise Refused("nickname_taken", text)
    text = Sentence(
        "Somebody bears “{name}”, or a name that looks like it. Choose another one, for example {free}.",
        name=name[0],
        free=free[0],
    )
    raise Refused("nickname_taken", text, suggestion=free[0])


def was_met(chat: Chat, token: str) -> bool:
    """Of a signed token: is its person here by another tab, or have they left a while ago?"""
    id = person_id(token, fingerprint(chat, token))
    return chat.presence.online.is_here(id) or chat.newcomers.former_name(id) is not None


async def meet(chat: Chat, token: str, wish: queries.Name | None) -> Arrival | None:
    """Somebody of whom nothing is stored, and nothing is now: under a name that is free, the wish if it is. None where
    another tab of theirs has stored something meanwhile."""
    digest = fingerprint(chat, token)
    id = person_id(token, digest)
    is_renamed = wish is not None and await _find_name(chat, id, digest, [wish])
    while id not in chat.newcomers:
        if chat.presence.online.is_here(id):
            return None
        former = chat.newcomers.former_name(id)
        if former and await _find_name(chat, id, digest, [former]):
            break
        guest = await chat.guest_names.take()
        if id not in chat.newcomers and not chat.presence.online.is_here(id):
            chat.newcomers.add(id, digest, guest)
    newcomer = chat.newcomers.get(id)
    assert newcomer
    return Arrival(Profile(id, newcomer.name[0]), digest, is_renamed)


async def _find_name(chat: Chat, id: str, token: str, wishes: list[queries.Name]) -> bool:
    """True where they have one of these from now on, and had not before."""
    unclaimed = [one for one in wishes if not chat.newcomers.bearer(one[1], but=id)]
    free = await chat.store.read(queries.first_free, id, unclaimed, held(chat)) if unclaimed else None
    known = chat.newcomers.get(id)
    if free is None or (known and known.name == free) or (known is None and chat.presence.online.is_here(id)):
        return False
    return chat.newcomers.add(id, token, free)


async def record(chat: Chat, connection: Connection, named: str | None = None) -> None:
    """Store who asks, before a verb that stores something, and who is named by them, if either is new. Their name may
    have been taken meanwhile: then they have another one. Raises Refused."""
    await _record_one(chat, connection)
    if named is not None and named in chat.newcomers:
        await _record_one(chat, chat.presence.online.connections(named)[0])


async def _record_one(chat: Chat, connection: Connection) -> None:
    newcomer = chat.newcomers.get(connection.person.id)
    if newcomer is None:
        return
    if newcomer.recording is None:  # of several verbs at once, one does it
        newcomer.recording = asyncio.create_task(_record(chat, newcomer, connection))
        newcomer.recording.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.shield(newcomer.recording)


async def _record(chat: Chat, newcomer: Newcomer, connection: Connection) -> None:
    try:
        found = await chat.store.write(
            queries.arrive,
            token=newcomer.token,
            new_id=newcomer.id,
            wish=newcomer.name,
            keeps_name=True,
            guests=names.guests,
            held=held(chat),
            process=chat.process,
            brief=_brief(chat, connection.keeps_token),
            address=connection.address and fingerprint(chat, connection.address),
        )
    finally:
        newcomer.recording = None
    if found is None or found.get("id") != newcomer.id:
        _send_away(chat, newcomer.token)
        raise Refused("not_allowed", "This browser has become somebody else meanwhile. Load the page again.")
    chat.newcomers.remove(newcomer.id)
    chat.marks.begin(newcomer.id)
    profile = _profile(found)
    if not chat.presence.online.is_here(profile.id):  # left while that was written
        await left(chat, profile.id, connection.keeps_token)
        return
    for one in chat.presence.online.connections(profile.id):
        one.known_since = found["created_at"]
    if chat.presence.update(profile):
        tell_tabs(chat, profile)
    chat.directory.tell_profile(profile)


async def left(chat: Chat, person: str, keeps_token: bool | None) -> None:
    """Nobody of this person is connected to this process any more."""
    if newcomer := chat.newcomers.get(person):
        if newcomer.recording is None:
            chat.newcomers.leave(person, _brief(chat, keeps_token))
        return
    try:
        await note_departure(chat, person, keeps_token)
    except Refused as refusal:
        log.warning("a departure could not be noted yet: %s", refusal.text)


async def note_departure(chat: Chat, person: str, keeps_token: bool | None) -> None:
    """Where nobody has the token any more (no cookie kept it), nobody can come back for the name: it is held no longer
    than for a connection that broke. Raises Refused, and it is done later (leases.py)."""
    try:
        await chat.store.write(queries.depart, person, chat.process, _brief(chat, keeps_token))
        if chat.presence.online.is_here(person):  # came back while that was written
            await chat.store.write(queries.stay, person, chat.process)
    except Refused:
        chat.has_unrecorded = True
        raise


def _profile(found: dict[str, Any]) -> Profile:
    return Profile(found["id"], found["nickname"], found["reserved"], found["rev"], about_of(found))


def about_of(found: dict[str, Any]) -> About:
    """What somebody says of themselves, as it is stored; a status that has ended is none."""
    until = found["status_until"]
    is_over = until is not None and until <= queries.now()
    status, until = ("", None) if is_over else (found["status"] or "", until)
    return About(status, until, bool(found["shows_last_seen"]))


# --- tokens ---


async def first_good(chat: Chat, tokens: Iterable[object], trusts: bool = False) -> str | None:
    """The first of these tokens that was issued here and is good still. trusts: one that is signed is not looked up, so
    that a page costs nothing; whether it was revoked is seen when somebody comes with it."""
    for one in tokens:
        if is_token(one) and ((trusts and chat.tokens.is_signed(one)) or await _is_good(chat, one)):
            return one
    return None


async def stored(chat: Chat, tokens: Iterable[object]) -> str | None:
    """The id of whoever has the first of these tokens that is good still, if something is stored of them."""
    token = await first_good(chat, tokens)
    found = await chat.store.read(queries.whose, fingerprint(chat, token)) if token else None
    return found["id"] if found else None


async def _is_good(chat: Chat, token: str) -> bool:
    found = await chat.store.read(queries.whose, fingerprint(chat, token))
    return chat.tokens.is_signed(token) if found is None else "id" in found


async def renew_cookie(chat: Chat, cookies: Iterable[object], handle: object, seed: object) -> str | None:
    """The token that a browser with these cookies is to have; None where it has a good one already, which is confirmed
    by that. handle: as `identify` told it, for the token of whom it is now. seed: the same in all tabs of the browser.
    Raises `not_allowed`."""
    await chat.tokens.ready()
    shaped = [one for one in cookies if is_token(one)]
    own = await first_good(chat, shaped)
    if handle is not None:
        return await _by_handle(chat, own, handle)
    if own:
        await _confirm(chat, own)
        return None
    return chat.tokens.instead_of(shaped[0], seed) if shaped and is_seed(seed) else chat.tokens.new()


async def _by_handle(chat: Chat, own: str | None, handle: object) -> str:
    if own and is_handle(handle):
        former = fingerprint(chat, own)
        token = chat.tokens.renewed(former, handle)
        if await chat.store.read(queries.is_renewal, fingerprint(chat, token), former):
            return token
    raise Refused("not_allowed", "This handle is none that this browser was told.")


async def _confirm(chat: Chat, token: str) -> None:
    digest = fingerprint(chat, token)
    found = await chat.store.read(queries.whose, digest)
    if found and "replaces" in found and (former := await chat.store.write(queries.confirm_token, digest)):
        revoke(chat, former, digest)


def revoke(chat: Chat, token: str, successor: str) -> None:
    """Somebody has come with the token that takes the place of this one, which is good no longer."""
    hear_revoked(chat, token, successor)
    chat.directory.tell_revoked(token, successor)


def hear_revoked(chat: Chat, token: str, successor: str) -> None:
    """Connections with it are to come again, with what their browser has now."""
    for one in chat.presence.online.with_token(token):
        if one.renewed == successor:
            one.token, one.renewed = successor, ""
    _send_away(chat, token)


def _send_away(chat: Chat, token: str) -> None:
    for one in chat.presence.online.with_token(token):
        chat.broadcaster.disconnect(one.id)


# --- names ---


async def rename(chat: Chat, connection: Connection, *, nickname: NicknameWish) -> Answer:
    """Bear another nickname, in every room and every tab. One that is reserved for somebody needs `identify`."""
    await take(chat, connection, nickname)
    return {"me": me(chat, connection.person)}


async def take(chat: Chat, connection: Connection, wish: str) -> None:
    """Raises `bad_nickname`; `nickname_taken`, with a `suggestion` that is free."""
    name, person = names.nickname(wish), connection.person
    if name == borne(chat, person):
        return
    if is_bot(person.id):
        raise Refused("not_allowed", "A bot bears the name that the owners of its room gave it.")
    names.bearable(name, chat.site)
    spare = _unclaimed(chat, names.spare(name, chat.site))
    named = names.named(name)
    if one := chat.newcomers.bearer(named[1], but=person.id):
        free = await chat.store.read(queries.first_free, person.id, spare, held(chat))
        holder = (one.id, one.left_at, one.brief, None, one.name[0])
        raise queries.taken(name, {holder}, held(chat), free[0] if free else None)
    rev = await chat.store.write(queries.claim, person=person.id, name=named, held=held(chat), spare=spare)
    tell(chat, Profile(person.id, name, is_reserved(chat, person), rev), connection)


async def reserve(chat: Chat, connection: Connection, *, passphrase: Passphrase | None) -> Answer:
    """Keep the nickname that one bears, and any that one takes later: it is free for nobody else, however long one is
    away, and with the passphrase one is the same person on every device. `null` gives that up."""
    if passphrase:
        names.bearable(borne(chat, connection.person), chat.site)
    shown = await chat.passphrases.run(connection.id, hashed, passphrase) if passphrase else None
    person = connection.person  # not before: another tab may have become somebody else meanwhile, and with it this one
    rev = await chat.store.write(queries.reserve, person=person.id, passphrase=shown)
    tell(chat, Profile(person.id, borne(chat, person), shown is not None, rev), connection)
    return {"me": me(chat, connection.person)}


async def identify(chat: Chat, connection: Connection, *, nickname: NicknameWish, passphrase: Passphrase) -> Answer:
    """Be the person who reserved this nickname, in this browser from now on. What one said before stays as it was. The
    browser gets another token, for somebody else may have put the former one there: `token` where the client holds it
    itself, or `renew`, to be sent to `POST /token`, which sets the cookie. Once it has come with that, connections with
    the former token are closed, and that token is good no longer."""
    name = names.nickname(nickname)
    owner = await chat.store.read(queries.reserved, name, names.skeletons(name))
    if owner is None:
        raise Refused("not_allowed", Sentence("Nobody has reserved “{name}”, so no passphrase opens it.", name=name))
    knew = await chat.store.read(queries.knew, connection.renewed or connection.token, owner["id"])
    what = f"passphrase of {owner['id']}"
    await chat.guesses.spend(what, connection, knew)
    if not await chat.passphrases.run(connection.id, opens, owner["passphrase"], passphrase):
        raise Refused("not_allowed", Sentence("This is not the passphrase of “{name}”.", name=owner["nickname"]))
    await chat.guesses.passed(what, connection)
    if owner["id"] != connection.person.id:  # before the token, so that no crash in between lets a ban fall
        for room in await chat.store.write(queries.take_along, connection.person.id, owner["id"]):
            chat.on_rules(room)
    renewal = await _renew_token(chat, connection, owner["id"])
    await _become(chat, connection, _profile(owner | {"reserved": True}), owner["created_at"])
    return {"me": me(chat, connection.person), **renewal}


async def _renew_token(chat: Chat, connection: Connection, person: str) -> Answer:
    """A token for this person, in place of the one with which this connection came."""
    handle, former = new_handle(), connection.token
    token = chat.tokens.renewed(former, handle)
    digest = fingerprint(chat, token)
    await chat.store.write(queries.renew_token, token=digest, replaces=former, person=person, process=chat.process)
    connection.renewed = digest
    return {"renew": handle} if connection.cookie else {"token": token}


async def _become(chat: Chat, connection: Connection, owner: Profile, known_since: int) -> None:
    """The connection is the owner's now, and goes on in the rooms that it has joined."""
    former = connection.person.id
    if connection.visits:
        connection.person, connection.known_since = owner, known_since
        if not chat.presence.online.is_here(owner.id):  # with the new token they count as connected
            await left(chat, owner.id, keeps_token=True)
        return
    if former == owner.id:
        return
    chat.on_leaving_person(connection)
    was_last = chat.presence.change_person(connection, owner)
    connection.known_since = known_since
    chat.on_person(connection)
    tell_tabs(chat, owner, connection)
    with contextlib.suppress(Refused):  # known with the next connection
        await ignoring.tell_ignored(chat, owner.id)
    if was_last:
        await left(chat, former, connection.keeps_token)
    if not chat.presence.online.is_here(owner.id):  # the connection has closed meanwhile
        await left(chat, owner.id, connection.keeps_token)


def hear_profile(chat: Chat, profile: Profile) -> None:
    """Another process says how somebody is called."""
    if newcomer := chat.newcomers.get(profile.id):
        chat.newcomers.add(newcomer.id, newcomer.token, names.named(profile.nickname))
    if chat.presence.update(profile):
        tell_tabs(chat, profile)


def tell(chat: Chat, profile: Profile, connection: Connection) -> None:
    """Let everybody know how the person is called now, who asked for it by this connection."""
    chat.presence.update(profile)
    if connection.visits:
        connection.person = profile
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
    said = about(chat, person)
    more = {
        "reserved": is_reserved(chat, person),
        "status": said.status,
        "status_until": said.until and when(said.until),
        "shows_last_seen": said.shows_last_seen,
    }
    return {"id": person.id, "nickname": borne(chat, person)} | {name: value for name, value in more.items() if value}


def about(chat: Chat, person: Person) -> About:
    if online := chat.presence.online.get(person.id):
        return online.about
    return (isinstance(person, Profile) and person.about) or NOTHING


def is_reserved(chat: Chat, person: Person) -> bool:
    """Of whoever is not online it is known as of the moment when they asked."""
    online = chat.presence.online.get(person.id)
    return online.reserved if online else isinstance(person, Profile) and person.reserved


def borne(chat: Chat, person: Person) -> str:
    """The nickname that the person bears now; the one they came with may be another."""
    return chat.presence.online.nickname(person.id) or person.nickname


def _unclaimed(chat: Chat, spare: Iterable[queries.Name]) -> list[queries.Name]:
    return [one for one in spare if not chat.newcomers.bearer(one[1])]


def hashed(passphrase: str) -> str:
    """Takes 64 MB and 50 ms: in `chat.passphrases` only."""
    return hasher.hash(passphrase)


def opens(shown: str, passphrase: str) -> bool:
    try:
        return hasher.verify(shown, passphrase)
    except Argon2Error:
        return False


def held(chat: Chat) -> int:
    return int(chat.nickname_hold * 1000)


def _brief(chat: Chat, keeps_token: bool | None) -> int | None:
    """Milliseconds for which a name is kept; None: the usual time. Where nobody was told the token, nobody can come
    back."""
    return None if keeps_token else 0 if keeps_token is None else int(chat.grace * 1000)


def fingerprint(chat: Chat, token: str) -> str:
    """What is kept of a token: who reads the database cannot sign in with it."""
    return mac(chat.secret.encode(), token.encode()).hexdigest()
