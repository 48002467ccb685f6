"""Arriving and departing: the same for every door.

A door (Socket.IO today) turns its client's words into calls: `arrive` when a connection opens, `verbs.perform` for each
event, `depart` when it ends. What they mean is decided here.
"""

import contextlib
import enum
import logging
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from typing import Any

from app.chat import Chat, people
from app.model import Connection, Limits, Person, Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

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
) -> Connection:
    """A connection opens: find or make its person, and welcome them. Raises Refused where that can be neither read nor
    stored, or where too many new people come from one address.

    id: by which the broadcaster knows the connection. tokens: where the client may have one, the first place first;
    without any, a new one is made and told in `welcome`. nickname: a wish; a bad or taken one is passed over. tab: the
    client forgets its token with the browser's tab. address: from which new people are counted; empty: nowhere.
    site: its address, as this client has it.
    """
    given = next((one for one in tokens if people.is_token(one)), None)
    token, is_new = given or people.new_token(), given is None
    keeps_token = not (is_new or tab)
    if address:
        await _count_newcomer(chat, address, given)
    profile, new = await people.sign_in(chat, token, nickname, is_new, keeps_token, address)
    if new == "person" and given and address:  # with a token that somebody has made up, or that was lost here
        with contextlib.suppress(Refused):
            await chat.quotas.people.spend_everywhere(address)
    person = Person(profile.id, profile.nickname)
    connection = Connection(id, person, people.fingerprint(chat, token), keeps_token, address, site)
    known = chat.presence.online.nickname(person.id)
    ignored = [] if new == "person" else await _ignored(chat, person)
    chat.presence.connect(connection, profile.reserved, profile.rev)
    if new == "name" or known not in (None, profile.nickname):
        people.tell_others(chat, profile, connection)
    chat.broadcaster.send_to(id, "welcome", _welcome(chat, person, token if is_new else None, ignored))
    return connection


async def _count_newcomer(chat: Chat, address: str, token: str | None) -> None:
    """Raises Refused where too many new people have come from the address. Somebody with a token is looked at where
    that is so: whoever makes tokens up is new as well."""
    if token is None or (chat.quotas.people.is_spent(address) and not await people.is_known(chat, token)):
        await chat.quotas.people.spend_everywhere(address)


async def depart(chat: Chat, connection: Connection, ending: Ending) -> None:
    """A connection ends. With the person's last one, the time begins after which the name is free for others."""
    for room in chat.presence.online.rooms(connection):
        chat.broadcaster.unsubscribe(connection.id, room)
    if not chat.presence.disconnect(connection, _grace(chat, ending)):
        return
    try:
        await people.note_departure(chat, connection.person.id, connection.keeps_token)
    except Refused as refusal:
        log.warning("a departure could not be noted yet: %s", refusal.text)


def _grace(chat: Chat, ending: Ending) -> float:
    """Seconds that the rooms wait for the person."""
    match ending:
        case Ending.DELIBERATE:
            return chat.grace if chat.is_stopping else 0
        case Ending.PAGE_CLOSED:
            return min(RELOAD_S, chat.grace)
        case Ending.BROKEN:
            return chat.grace


async def _ignored(chat: Chat, person: Person) -> list[str] | None:
    """Whom the person ignores; None where that cannot be read now."""
    try:
        return await chat.store.read(queries.ignored_by, person.id)
    except Refused:
        return None


def _welcome(chat: Chat, person: Person, new_token: str | None, ignored: list[str] | None) -> dict[str, Any]:
    server = _server(chat.version, chat.transports, chat.limits)
    welcome: dict[str, Any] = {"me": people.me(chat, person), "server": server}
    if ignored is not None:
        welcome["ignored"] = ignored
    return welcome | {"token": new_token} if new_token else welcome


@cache
def _server(version: str, transports: tuple[str, ...], limits: Limits) -> dict[str, Any]:
    """The part of `welcome` that is the same for everybody."""
    return {"version": version, "transports": list(transports), "limits": asdict(limits)}
