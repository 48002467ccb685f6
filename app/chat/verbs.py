"""Everything a person can do: one table, one gate. Start reading here.

A verb is one plain function and one row below. The type of its second parameter is the right it wants: Person, Member,
or, where it is about the connection itself, Connection or Subscription. Its keyword parameters are its payload's
schema. What a moderator or an owner does wants `Moderator` or `Owner`, what a muted person may not do `Speaker`. Every
door (Socket.IO today) ends in `perform`, which always answers and never raises.
"""

import inspect
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NotRequired, get_type_hints
from uuid import uuid4

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from app.chat import (
    Chat,
    access,
    bots,
    cards,
    direct,
    faults,
    hooks,
    ignoring,
    mentioned,
    messages,
    moderation,
    notifying,
    owning,
    people,
    pushing,
    reading,
    rooms,
    search,
    selves,
)
from app.chat.direct import is_direct, stored_name
from app.chat.kinds import RoomRef
from app.languages import answer_in
from app.model import ERRORS, ROW_BYTES, Connection, Member, Person, Refused, Sentence, Subscription, is_bot
from app.store import queries

log = logging.getLogger("parlor.chat")

Answer = dict[str, Any]
Act = Callable[..., Awaitable[Answer]]
Asker = Person | Connection | Subscription

LOOKS_AT_RULES = 5  # of one verb; each change of the rules wants another


@dataclass(frozen=True)
class Verb:
    """A row of the table: what to call, what its answer adds to `ok`, how many points of the rate it costs, and whether
    one connection's may overlap each other because they keep their order by themselves. stores: something may be stored
    of whoever asks; then they are stored themselves before, if they are new. adds_row: it writes a row each time, which
    counts among the bytes of the person and their address; what writes messages counts those itself. makes_room:
    whoever is in no room (HTTP) makes the one that it names, as by joining it. direct: there is such a thing in a room
    of two, which has no owner, no topic and no door. for_bots: False where it is about being a person."""

    act: Act
    adds: str = ""
    cost: float = 1
    concurrent: bool = False
    stores: bool = True
    adds_row: bool = False
    makes_room: bool = False
    direct: bool = False
    for_bots: bool = True

    @cached_property
    def right(self) -> type[Asker]:
        """The type of the second parameter."""
        asker = list(inspect.signature(self.act).parameters)[1]
        right: type[Asker] = get_type_hints(self.act)[asker]
        return right

    @cached_property
    def is_for_members(self) -> bool:
        """It is about a room that one has to be in: `room` of the payload."""
        return issubclass(self.right, Member | Subscription)

    @cached_property
    def takes(self) -> TypeAdapter[dict[str, Any]] | None:
        """The payload's schema; None where any object will do."""
        return _schema(self.act, self.is_for_members)


async def echo(chat: Chat, person: Person, /, **payload: Any) -> Answer:
    """Get the payload back, with the server's time: to see that the connection works, and how long it takes."""
    return {**payload, "at": messages.iso(queries.now())}


VERBS = {
    "join": Verb(rooms.join, "room, me, people, count, messages, more, rev, seen, unread, reset?", cost=2),
    "open": Verb(
        rooms.open_direct, "room, me, people, count, messages, more, rev, seen, unread", cost=5, for_bots=False
    ),
    "leave": Verb(rooms.leave, stores=False, direct=True),
    # stored in the order of asking, told in that of commits
    "send": Verb(messages.send, "message", concurrent=True, makes_room=True, direct=True),
    "edit": Verb(messages.edit, "message", direct=True),
    "delete": Verb(messages.delete, "message", direct=True),
    "card": Verb(messages.card, "message", direct=True),
    "preview": Verb(cards.preview, "card", cost=0.5, stores=False),
    "react": Verb(messages.react, "message", direct=True),
    "reacted": Verb(messages.reacted, "mine, rev", stores=False, direct=True),
    "typing": Verb(rooms.typing, stores=False, direct=True),
    "sync": Verb(messages.sync, "messages, more, rev, reset?", stores=False, direct=True),
    "history": Verb(messages.history, "messages, more", stores=False, direct=True),
    "search": Verb(search.search, "messages, more", cost=5, stores=False),
    "seen": Verb(reading.seen, cost=0.2, stores=False, direct=True),
    "mentions": Verb(mentioned.mentions, "messages, more", cost=2, stores=False),
    "notify": Verb(notifying.notify, "levels", stores=False, direct=True),
    "people": Verb(rooms.people_of, "people, more, count", stores=False, direct=True),
    "rooms": Verb(rooms.rooms, "rooms, direct", cost=2, stores=False),
    "push": Verb(pushing.push, "key, on?", cost=5, stores=False),
    "topic": Verb(rooms.topic, "room", cost=2),
    "status": Verb(selves.status, "me", cost=5, adds_row=True),
    "away": Verb(selves.away, stores=False),
    "person": Verb(selves.card, "person", stores=False),
    "rename": Verb(people.rename, "me", cost=5),
    "settings": Verb(owning.settings, "room", cost=5, adds_row=True),
    "appoint": Verb(owning.appoint, "room", cost=5, adds_row=True),
    "owner_key": Verb(owning.owner_key, "key, url, qr", cost=5, adds_row=True),
    "claim": Verb(owning.claim, "room", cost=10, adds_row=True, for_bots=False),
    "invite": Verb(owning.invite, "url, qr", cost=10, adds_row=True, for_bots=False),
    "bot": Verb(bots.bot, "bot?, bots?", cost=10, adds_row=True),
    "hook": Verb(hooks.hook, "hook?", cost=10, adds_row=True),
    "hooks": Verb(hooks.hooks, "hooks", cost=2, stores=False),
    "kick": Verb(moderation.kick, adds_row=True),
    "mute": Verb(moderation.mute, adds_row=True),
    "ban": Verb(moderation.ban, adds_row=True),
    "restore": Verb(messages.restore, "message", adds_row=True, direct=True),
    "report": Verb(moderation.report, cost=10, adds_row=True),
    "sanctions": Verb(moderation.sanctions, "sanctions", cost=2, stores=False),
    "audit": Verb(moderation.audit, "entries, more", cost=2, stores=False),
    "reserve": Verb(people.reserve, "me", cost=20, for_bots=False),
    "identify": Verb(
        people.identify, "me, token?, renew?", cost=20, stores=False, for_bots=False
    ),  # of the owner, who is stored
    "ignore": Verb(ignoring.ignore, "ignored", cost=2, adds_row=True),
    "echo": Verb(echo, "the payload's own keys, at", stores=False),
}


async def perform(chat: Chat, connection: Connection, name: object, payload: object) -> Answer:
    """Do it, or say why not: `{"ok": true, ...}` or `{"ok": false, "error": code, "text": sentence}`. Never raises."""
    began = time.perf_counter()
    try:
        verb = VERBS.get(name) if isinstance(name, str) else None
        if verb is None:
            text = Sentence(
                "There is no verb “{name}”. There are: {verbs}.", name=str(name)[:40], verbs=", ".join(VERBS)
            )
            raise Refused("no_such_verb", text)
        chat.rates.spend(connection.person.id, verb.cost)
        if not verb.for_bots and is_bot(connection.person.id):
            raise Refused("not_allowed", "A bot cannot do that.")
        given = read_payload(verb, payload)
        answer = {**await (_store if verb.adds_row else _act)(chat, connection, verb, given), "ok": True}
    except Refused as refusal:
        answer = refusal.answer()
    except Exception:
        answer = broken(name)
    chat.counts.answers.note(time.perf_counter() - began)
    known = name if isinstance(name, str) and name in VERBS else "?"
    chat.counts.refused(answer, known, payload.get("room") if isinstance(payload, dict) else None)
    chat.counts.verbs[known, "ok" if answer["ok"] else answer["error"]] += 1
    return answer_in(connection.language, answer)


async def _act(chat: Chat, connection: Connection, verb: Verb, given: dict[str, Any]) -> Answer:
    """Do it by the right that the connection has."""
    room = given.pop("room") if verb.is_for_members else ""
    if not (connection.visits and room):
        return await _by_right(chat, connection, verb, room, given)
    with access.keeping_rules(chat, stored_name(connection.person.id, room)):
        return await _by_right(chat, connection, verb, room, given)


async def _by_right(chat: Chat, connection: Connection, verb: Verb, called: str, given: dict[str, Any]) -> Answer:
    """Again by the new one where the room's rules changed meanwhile. called: the room, as the person calls it."""
    for _ in range(LOOKS_AT_RULES):
        room = stored_name(connection.person.id, called)
        if is_direct(room) and not verb.direct:
            raise Refused("not_allowed", "There is no such thing in a conversation of two.")
        if connection.visits and is_direct(room):
            await direct.begin(chat, connection, called.removeprefix(direct.SIGN), makes_room=verb.makes_room)
        if connection.visits and room:
            await access.visit(chat, connection, room, verb.makes_room)
        asker = grant(chat, connection, verb.right, room)
        if verb.stores:
            await people.record(chat, connection, given.get("person"))
        try:
            return await verb.act(chat, asker, **given)
        except queries.StaleRules:
            await access.refresh(chat, room)
    raise Refused("storage", "The room's rules change too fast just now. Nothing was done; try again.", retry_after=1)


async def _store(chat: Chat, connection: Connection, verb: Verb, given: dict[str, Any]) -> Answer:
    """Do what writes a row. Raises `too_many` where the person or the address has written too much."""
    size = ROW_BYTES + sum(
        len(text.encode("utf-8", "surrogatepass")) for text in given.values() if isinstance(text, str)
    )
    chat.quotas.store(connection, size)
    try:
        return await _act(chat, connection, verb, given)
    except Refused:
        chat.quotas.give_back(connection, size)
        raise


def broken(name: object) -> Answer:
    """The answer where something failed by a bug; the log has the traceback under the same reference."""
    ref = uuid4().hex[:8]
    log.exception("%.40r failed [%s]", name, ref)
    text = Sentence("Something broke on the server. If you tell the operator, name this: {ref}.", ref=ref)
    return {"ok": False, "error": "broken", "text": text, "ref": ref}


def read_payload(verb: Verb, payload: object) -> dict[str, Any]:
    """The keyword arguments of the verb. Raises Refused with the code of the field that is wrong."""
    if not isinstance(payload, dict):
        raise Refused("bad_payload", "The payload is one JSON object.")
    if verb.takes is None:
        return payload
    try:
        return verb.takes.validate_python(payload)
    except ValidationError as error:
        raise _refusal(error) from None
    except RecursionError:
        raise Refused("bad_payload", "The payload is nested too deeply.") from None


def grant(chat: Chat, connection: Connection, right: type[Asker], room: str) -> Asker:
    """The asker as the verb wants it. Raises Refused where it has not got that right."""
    if right is Connection:
        return connection
    if right is Person:
        return connection.person
    if issubclass(right, Member):
        return access.grant(chat, connection, right, room)
    if not access.is_in(chat, connection, room):
        raise access.not_member(room)
    return Subscription(connection, room)


def _refusal(error: ValidationError) -> Refused:
    fault = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in fault["loc"])
    code = fault["type"] if fault["type"] in ERRORS else "bad_payload"
    why = faults.why(fault)
    return Refused(
        code, why if code != "bad_payload" else Sentence("“{field}”: {why}.", field=field, why=why), field=field
    )


def _schema(act: Act, is_for_members: bool) -> TypeAdapter[dict[str, Any]] | None:
    """The keyword parameters as pydantic knows dicts; a member's `room` is a field too, which the gate takes out. What
    may be left out is left out: the verb has its own default."""
    hints = get_type_hints(act, include_extras=True)
    parameters = inspect.signature(act).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters):
        return None
    fields: dict[str, Any] = {"room": RoomRef} if is_for_members else {}
    for one in parameters:
        if one.kind is inspect.Parameter.KEYWORD_ONLY:
            required = one.default is inspect.Parameter.empty
            fields[one.name] = hints[one.name] if required else NotRequired[hints[one.name]]
    named: Any = TypedDict  # whose names are literals, as mypy has it
    payload: Any = with_config(ConfigDict(strict=True, extra="forbid"))(named(f"{act.__name__}_payload", fields))
    return TypeAdapter(payload)
