"""Arriving and departing: the same for every door.

A door (Socket.IO today) turns its client's words into calls: `arrive` when a connection opens, `verbs.perform` for each
event, `depart` when it ends. What they mean is decided here.
"""

import enum
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from typing import Any

from app.chat import Chat, people
from app.chat.people import REVOKED, Arrival
from app.chat.tokens import is_of_bot, is_token
from app.languages import ENGLISH
from app.model import Connection, Limits, Person, Refused
from app.store import queries
from app.store.queries import Name

RELOAD_S = 4.0  # in which a page that is reloaded reconnects


class Ending(enum.Enum):
    """How a connection ended. Each door knows what its own transport calls that."""

    DELIBERATE = enum.auto()  # either side disconnected
    PAGE_CLOSED = enum.auto()  # or reloaded, which looks the same
    BROKEN = enum.auto()


async def arrive(
    chat: Chat,
    id: str,
    tokens: Iterable[object],
    nickname: object = None,
    tab: bool = False,
    address: str = "",
    site: str = "",
    cookies: Iterable[object] = (),
    language: str = ENGLISH,
) -> Connection:
    """A connection opens: find its person, and welcome them. Somebody unknown is made with the first verb that stores
    something (people.record). Raises Refused where nothing can be read, or where too many new people come from one
    address.

    id: by which the broadcaster knows the connection. tokens: those that the client holds itself, if any; cookies:
    those of its browser. The first that was issued here says who it is; without any, a new one is made and told in
    `welcome`. nickname: a wish; a bad or taken one is passed over. tab: the client forgets its token with the browser's
    tab. address: from which new people are counted; empty: nowhere. site: its address, as this client has it. language:
    of what it is told.
    """
    await chat.tokens.ready()
    wish, tokens, cookies = people.wish(chat, nickname), list(tokens), list(cookies)
    told: dict[str, Any] = {}
    for one, is_cookie in [*((one, False) for one in tokens), *((one, True) for one in cookies)]:
        if is_token(one) and (found := await _find(chat, one, wish, address)):
            connection = Connection(id, _person(found), found.token, is_cookie or not tab)
            connection.cookie = is_cookie
            break
    else:
        if any(is_of_bot(one) for one in tokens):
            raise Refused("bad_token", "This bot was taken back, or never was.")
        token, found = chat.tokens.new(), None
        while found is None:
            found = await _newcomer(chat, token, wish, address)
        connection = Connection(id, _person(found), found.token, False)
        told = {"token": token, "renew": True} if any(cookies) else {"token": token}
    connection.address, connection.site, connection.known_since = address, site, found.known_since
    connection.language = language
    return await _enter(chat, found, connection, told)


async def visit(
    chat: Chat, id: str, tokens: Iterable[object], cookies: Iterable[object] = (), address: str = "", site: str = ""
) -> Connection:
    """Somebody asks something and does not stay (HTTP): find their person, whom nobody sees come or go. Of whoever is
    new something is stored. The arguments are those of `arrive`. Raises `bad_token`, and as `arrive` does."""
    await chat.tokens.ready()
    for one, is_cookie in [*((one, False) for one in tokens), *((one, True) for one in cookies)]:
        if is_token(one) and (found := await _seen(chat, one, address, site)):
            connection = _visitor(id, found, address, site)
            connection.cookie = is_cookie
            return connection
    raise Refused("bad_token", "This token was not issued here, or is good no longer.")


async def introduce(
    chat: Chat, id: str, nickname: str | None = None, address: str = "", site: str = ""
) -> tuple[str, Connection]:
    """Somebody new who does not stay: the token by which they come again, and who they are. Raises `bad_nickname`,
    `nickname_taken`, and `too_many` where too many new people come from one address."""
    await chat.tokens.ready()
    wish = await people.refuse_taken(chat, nickname) if nickname is not None else None
    token = chat.tokens.new()
    found = await _store_newcomer(chat, token, address, site, wish)
    assert found  # nobody else has the token
    return token, _visitor(id, found, address, site)


def _visitor(id: str, found: Arrival, address: str, site: str) -> Connection:
    connection = Connection(id, found.profile, found.token, visits=True)
    connection.address, connection.site, connection.known_since = address, site, found.known_since
    return connection


async def _seen(chat: Chat, token: str, address: str, site: str) -> Arrival | None:
    """The person of a token; None where it was not issued here, or is good no longer."""
    while (found := await people.seen(chat, token)) is None:
        if not chat.tokens.is_signed(token):
            return None
        await _store_newcomer(chat, token, address, site)
    return found if found is not REVOKED else None


async def _store_newcomer(chat: Chat, token: str, address: str, site: str, wish: Name | None = None) -> Arrival | None:
    """None where another tab of theirs has stored something meanwhile."""
    if not (found := await _newcomer(chat, token, wish, address)):
        return None
    connection = _visitor("", found, address, site)
    try:
        await people.record(chat, connection)
    except BaseException:
        if not chat.presence.online.is_here(found.profile.id):
            chat.newcomers.remove(found.profile.id)
        raise
    return await people.seen(chat, token)


async def _find(chat: Chat, token: str, wish: Name | None, address: str) -> Arrival | None:
    """The person of a token; None where it was not issued here, or is good no longer."""
    while True:
        if found := await people.sign_in(chat, token, wish, address):
            return found if found is not REVOKED else None
        if not chat.tokens.is_signed(token):
            return None
        if found := await _newcomer(chat, token, wish, address):
            return found  # else another tab has stored something meanwhile


async def _newcomer(chat: Chat, token: str, wish: Name | None, address: str) -> Arrival | None:
    if address and not people.was_met(chat, token):
        await chat.quotas.people.spend_everywhere(address)
    return await people.meet(chat, token, wish)


def _person(arrival: Arrival) -> Person:
    return Person(arrival.profile.id, arrival.profile.nickname)


async def _enter(chat: Chat, arrival: Arrival, connection: Connection, told: dict[str, Any]) -> Connection:
    profile = arrival.profile
    known = chat.presence.online.nickname(profile.id)
    chat.presence.connect(connection, profile.reserved, profile.rev, profile.about)
    if arrival.is_renamed or known not in (None, profile.nickname):
        people.tell_others(chat, profile, connection)
    # After `connect`: whoever departs meanwhile by another connection finds this one.
    ignored = [] if profile.id in chat.newcomers else await _ignored(chat, connection.person)
    told |= {} if ignored is None else {"ignored": ignored}
    chat.broadcaster.send_to(connection.id, "welcome", _welcome(chat, connection.person) | told)
    return connection


async def _ignored(chat: Chat, person: Person) -> list[str] | None:
    """Whom the person ignores; None where that cannot be read now."""
    try:
        return await chat.store.read(queries.ignored_by, person.id)
    except Refused:
        return None


async def depart(chat: Chat, connection: Connection, ending: Ending) -> None:
    """A connection ends. With the person's last one, the time begins after which the name is free for others."""
    for room in chat.presence.online.rooms(connection):
        chat.broadcaster.unsubscribe(connection.id, room)
    if chat.presence.disconnect(connection, _grace(chat, ending)):
        await people.left(chat, connection.person.id, connection.keeps_token)


def _grace(chat: Chat, ending: Ending) -> float:
    """Seconds that the rooms wait for the person."""
    match ending:
        case Ending.DELIBERATE:
            return chat.grace if chat.is_stopping else 0
        case Ending.PAGE_CLOSED:
            return min(RELOAD_S, chat.grace)
        case Ending.BROKEN:
            return chat.grace


def _welcome(chat: Chat, person: Person) -> dict[str, Any]:
    return {"me": people.me(chat, person), "server": _server(chat.version, chat.page, chat.transports, chat.limits)}


@cache
def _server(version: str, page: str, transports: tuple[str, ...], limits: Limits) -> dict[str, Any]:
    """The part of `welcome` that is the same for everybody."""
    return {"version": version, "page": page, "transports": list(transports), "limits": asdict(limits)}
