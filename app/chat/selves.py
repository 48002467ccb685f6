"""What people say of themselves: a status, whether they are away, when they were here last."""

import asyncio
import logging
from typing import Any

from app.chat import Chat, people
from app.chat.kinds import Flag, Moment, PersonId, Status, milliseconds
from app.chat.rules import when
from app.model import About, Connection, Person, Profile, Refused
from app.store import queries

log = logging.getLogger("parlor.chat")

Answer = dict[str, Any]

LOOK_INTERVAL_S = 10.0  # between two looks for statuses that have ended
LONGEST_MS = 366 * 24 * 3_600_000  # that a status is set for; longer is for good


async def status(
    chat: Chat, connection: Connection, *, text: Status, until: Moment | None = None, last_seen: Flag | None = None
) -> Answer:
    """Say something of oneself, to be seen beside one's name in every room: until a time, or for good. An empty text
    takes it away. `last_seen`: others may see when one was here last; at first they may not, and left out it stays as
    it is."""
    person = connection.person
    before = people.about(chat, person)
    ends = milliseconds(until) if until and text else None
    if ends is not None and not 0 < ends - queries.now() <= LONGEST_MS:
        raise Refused("bad_payload", "A status ends at a time to come, within a year.", field="until")
    about = About(text, ends, before.shows_last_seen if last_seen is None else last_seen)
    said: dict[str, Any] = {"status": about.status, "until": about.until, "shows_last_seen": about.shows_last_seen}
    rev = await chat.store.write(queries.set_about, person=person.id, **said)
    known = people.is_reserved(chat, person)
    people.tell(chat, Profile(person.id, people.borne(chat, person), known, rev, about), connection)
    return {"me": people.me(chat, person)}


async def away(chat: Chat, connection: Connection, *, on: Flag) -> Answer:
    """Nobody has touched this page for some minutes, or somebody does so again. Who is away with all connections is
    shown as `away` in the lists of people. For this connection; a new one begins as not away."""
    chat.presence.set_away(connection, on)
    return {}


async def card(chat: Chat, asker: Person, *, person: PersonId) -> Answer:
    """What everybody may know of somebody: `{id, nickname, reserved?, status?, away?, since?, last_seen?}`. `since` is
    when they first did something here, `last_seen` when they left, for those who are not here and have said that it may
    be known."""
    found = await chat.store.read(queries.about_person, person)
    online = chat.presence.online.get(person)
    if found is None and online is None:
        raise Refused("no_such_person", "Nobody with this id is known.")
    told: Answer = {"id": person, "nickname": (found and found["nickname"]) or "somebody"}
    if found:
        told["since"] = when(found["created_at"])
        about = people.about_of(found)
        known = {"reserved": bool(found["reserved"]), "status": about.status}
        told |= {name: value for name, value in known.items() if value}
        if about.shows_last_seen and found["left_at"] is not None and online is None:
            told["last_seen"] = when(found["left_at"])
    return {"person": told | (online.entry if online else {})}


async def run(chat: Chat) -> None:
    """For as long as the server runs: statuses end."""
    while True:
        await asyncio.sleep(LOOK_INTERVAL_S)
        end_statuses(chat)


def end_statuses(chat: Chat) -> None:
    for id in chat.presence.online.ids():
        person = chat.presence.online[id]
        if person.about.until is None or person.about.until > queries.now():
            continue
        about = About("", None, person.about.shows_last_seen)
        profile = Profile(id, person.nickname, person.reserved, person.rev, about)
        if chat.presence.update(profile):
            people.tell_tabs(chat, profile)
