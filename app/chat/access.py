"""Who may come into a room and who may do what there.

Each process keeps a copy of the rules of the rooms that it needs, read when somebody joins. `rules_rev` tells whether
it is the newest: whoever joins compares it with the room's row, whoever writes in the transaction (`StaleRules`), and
every change is told as an event `room`, by which other processes know.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.chat import Chat, people, retention, rules
from app.chat.direct import is_direct
from app.chat.opening import in_room
from app.chat.rules import BAN, BOT, KICK, MODERATOR, MUTE, OWNER, RANKS, Hook, RoomRules, Sanction
from app.chat.words import words
from app.languages import translated
from app.model import Connection, Member, Moderator, Owner, Refused, Sentence, Speaker, is_bot
from app.store import queries

log = logging.getLogger("parlor.chat")

TOLD = ("name", "topic", "rev", "rules_rev", "listed", "locked", "slow", "welcome", "topic_by")
MIN_KNOWN = 1_000  # rooms whose rules are kept before those that nobody is in are dropped


_looks = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Pass:
    """What somebody shows at the door of a room that does not let everybody in. is_back: they were in the room when
    they came to the door, or a moment before."""

    passphrase: str | None = None
    invite: str | None = None
    is_back: bool = False


async def known(chat: Chat, room: str, at_least: int | None = None) -> RoomRules:
    """The rules of the room, read where they are not known, or older than `at_least`. Raises `no_such_room`."""
    found = chat.rules.get(room)
    if found is None:
        found = await _look_together(chat, room)
    if at_least is not None and found.rev != at_least:
        found = await refresh(chat, room)
    return found


async def _look_together(chat: Chat, room: str) -> RoomRules:
    """Read the rules once for all who ask meanwhile: many come into a room at once when it is new, or the server."""
    look = chat.looks.get(room)
    if look is not None:
        try:
            return await asyncio.shield(look)
        except Refused:  # that look began before this one asked: the room may have been made since
            look = chat.looks.get(room)
    if look is None:
        look = chat.looks[room] = asyncio.ensure_future(_look(chat, room))
        look.add_done_callback(lambda done: done.cancelled() or done.exception())  # was told to those who asked
    return await asyncio.shield(look)


async def _look(chat: Chat, room: str) -> RoomRules:
    try:
        return await refresh(chat, room)
    finally:
        del chat.looks[room]  # before those who wait go on: who asks then looks anew


async def refresh(chat: Chat, room: str, is_joining: bool = False) -> RoomRules:
    """Read the rules anew, and let them hold: whoever is banned is sent out, whose standing is another is told.
    is_joining: for somebody who is on their way in by rules that were known here. Raises `no_such_room`."""
    number = next(_looks)
    after = rules.read(number, await chat.store.read(queries.room_rules, room))
    before = chat.rules.get(room)
    if before is not None and before.number > number:
        return before  # a later look was faster
    _forget_unused(chat)
    chat.rules[room] = after
    _apply(chat, room, before, after)
    has_closed = before is not None and after.is_closed and not before.is_closed
    if has_closed and not is_joining:  # by another process, which may know of fewer people
        try:
            await admit_present(chat, room)
        except Refused as refusal:
            log.warning("who was in the room when it was closed could not be noted: %s", refusal.text)
    return after


async def tell(chat: Chat, room: str) -> RoomRules:
    """The rules were changed here: let everybody know."""
    after = await refresh(chat, room)
    chat.broadcaster.broadcast(room, "room", {"room": as_told(chat, after.room)})
    return after


async def look(chat: Chat) -> None:
    """Another process may have changed rules, and told nobody: an operator's command, say. Raises Refused."""
    _, found = await chat.store.read(queries.standings, list(chat.rules))
    for room, (_, rev) in found.items():
        if (here := chat.rules.get(room)) and here.rev != rev:
            await tell(chat, room)


async def admit_present(chat: Chat, room: str) -> None:
    """Not everybody is let in any more: who is in the room may come back. Raises Refused."""
    here = sorted(chat.presence.rooms[room].connections) if room in chat.presence.rooms else []
    if here:
        await chat.store.write(queries.admit, room=room, persons=here)


def _forget_unused(chat: Chat) -> None:
    if len(chat.rules) >= max(MIN_KNOWN, 2 * len(chat.presence.rooms)):
        chat.rules = {
            room: one for room, one in chat.rules.items() if chat.presence.rooms.count(room) or chat.visits[room]
        }


def _apply(chat: Chat, room: str, before: RoomRules | None, after: RoomRules) -> None:
    people_of_whom = rules.changed(before, after)
    for hook in after.hooks:
        if before and hook.given_up and not any(one.id == hook.id and one.given_up for one in before.hooks):
            _tell_given_up(chat, room, after, hook)
    chat.presence.set_roles(room, after.roles)
    if after.by_address and (before is None or before.by_address != after.by_address):
        _send_out_by_address(chat, room, after)
    for person in people_of_whom:
        if before and before.roles.get(person) == BOT and person not in after.roles:
            _end(chat, person)
        here = [one for one in chat.presence.online.connections(person) if chat.presence.has_joined(one, room)]
        sanction = after.sanction(person, BAN, KICK)
        for connection in here:
            if sanction:
                send_out(chat, connection, room, sanction)
            elif before is None or before.standing(person) != after.standing(person):
                told = {"room": room, **after.standing(person)}
                chat.broadcaster.send_to(connection.id, "standing", told)


def _tell_given_up(chat: Chat, room: str, after: RoomRules, hook: Hook) -> None:
    """To the owners who are here: nothing is delivered to the hook any more."""
    text = Sentence(
        "“{nickname}” of #{room} was given up: {trouble} Nothing is delivered to it any more.",
        nickname=hook.nickname,
        room=room,
        trouble=hook.trouble,
    )
    for owner in [one for one, role in after.roles.items() if role == OWNER]:
        for connection in chat.presence.online.connections(owner):
            told = {"room": room, "code": "hook_failed", "text": translated(connection.language, text)}
            chat.broadcaster.send_to(connection.id, "notice", told)


def _end(chat: Chat, bot: str) -> None:
    """The bot was taken back."""
    for connection in chat.presence.online.connections(bot):
        chat.broadcaster.disconnect(connection.id)


def _send_out_by_address(chat: Chat, room: str, after: RoomRules) -> None:
    """Those who are new from the address of somebody who is banned, and came in by what was known here before."""
    here = list(chat.presence.rooms[room].connections) if room in chat.presence.rooms else []
    for connection in [one for person in here for one in chat.presence.online.connections(person)]:
        if chat.presence.has_joined(connection, room) and (sanction := _barred(chat, connection, after)):
            send_out(chat, connection, room, sanction)


def send_out(chat: Chat, connection: Connection, room: str, sanction: Sanction) -> None:
    """The connection is no longer in the room."""
    refusal = sanction.refusal(room)
    error = "kicked" if sanction.kind == KICK else "banned"
    leave(chat, connection, room)
    text = translated(connection.language, refusal.text)
    told = {"room": room, "error": error, "text": text, **sanction.told()}
    chat.broadcaster.send_to(connection.id, "removed", told)


def leave_directs(chat: Chat, connection: Connection) -> None:
    """The connection is about to be another person's, who is not in these rooms of two."""
    for room in chat.presence.online.rooms(connection):
        if is_direct(room):
            leave(chat, connection, room)


def settle(chat: Chat, connection: Connection) -> None:
    """The connection is another person's now: in the rooms it has joined, what holds for that one holds for it."""
    person = connection.person.id
    for room in chat.presence.online.rooms(connection):
        if found := chat.rules.get(room):
            if sanction := _barred(chat, connection, found):
                send_out(chat, connection, room, sanction)
            else:
                chat.broadcaster.send_to(connection.id, "standing", {"room": room, **found.standing(person)})


def enter(chat: Chat, connection: Connection, room: str, found: RoomRules, shown: str = "") -> None:
    """shown: as the person calls the room, if otherwise."""
    chat.presence.join(connection, room)
    chat.presence.set_roles(room, found.roles)
    chat.broadcaster.subscribe(connection.id, room, shown)


def leave(chat: Chat, connection: Connection, room: str) -> None:
    chat.broadcaster.unsubscribe(connection.id, room)
    chat.presence.leave(connection, room)


# --- who may come in ---


async def let_in(chat: Chat, connection: Connection, room: str, shown: Pass, listed: bool = True) -> RoomRules:
    """The rules by which the connection may come in; a room that there is not is made, and belongs to whoever makes it.
    Raises `banned`, `locked`, `wrong_passphrase`, `not_allowed`."""

    async def ask() -> RoomRules:
        return await known(chat, room)

    if is_bot(connection.person.id):  # which makes no room
        found = await ask()
    else:
        found = await in_room(chat, connection, room, ask, as_owner=not is_direct(room), listed=listed)
    try:
        return await recheck(chat, connection, room, found, shown)
    except Refused:
        now = await refresh(chat, room, is_joining=True)  # while nobody was in the room here, nothing was heard of it
        if now.rev == found.rev:
            raise
        return await recheck(chat, connection, room, now, shown)


@contextmanager
def keeping_rules(chat: Chat, room: str) -> Iterator[None]:
    """Somebody who is in no list of people asks something of the room: its rules stay known meanwhile."""
    chat.visits[room] += 1
    try:
        yield
    finally:
        chat.visits[room] -= 1
        if not chat.visits[room]:
            del chat.visits[room]


async def visit(chat: Chat, connection: Connection, room: str, makes_room: bool) -> None:
    """Let somebody who asks once into the room, by the rules by which they could join it. makes_room: where there is
    none. Raises as `let_in` does, and `no_such_room`."""
    shown = Pass(is_back=chat.presence.has_in(room, connection.person.id))
    try:
        now = await chat.store.read(queries.room, room)
    except Refused as refusal:
        if not makes_room or refusal.code != "no_such_room":
            raise
        await let_in(chat, connection, room, shown)
    else:
        await recheck(chat, connection, room, await known(chat, room, now["rules_rev"]), shown)
    connection.visiting = room


async def recheck(chat: Chat, connection: Connection, room: str, found: RoomRules, shown: Pass) -> RoomRules:
    """The same by these rules."""
    person = connection.person.id
    refuse_barred(chat, connection, room, found)
    if is_bot(person) and found.roles.get(person) != BOT:
        raise Refused("not_allowed", "A bot is let into the room of its owners alone.")
    if person in found.roles or not (found.is_closed or shown.invite):
        return found
    if shown.invite:
        print_of_it = people.fingerprint(chat, shown.invite)
        try:
            await chat.store.write(queries.use_invite, room=room, person=person, fingerprint=print_of_it)
        except Refused as refusal:
            if found.is_closed or refusal.code != "not_allowed":
                raise
        return found
    if shown.is_back or await chat.store.read(queries.is_admitted, room, person):
        return found
    if found.room["locked"]:
        raise Refused("locked", "This room lets nobody new in at present. Whoever owns it can invite you.")
    await _show_passphrase(chat, connection, room, found, shown)
    return found


def refuse_barred(chat: Chat, connection: Connection, room: str, found: RoomRules) -> None:
    """Raises `banned`."""
    if sanction := _barred(chat, connection, found):
        raise sanction.refusal(room)


def _barred(chat: Chat, connection: Connection, found: RoomRules) -> Sanction | None:
    if not found.sanctions:
        return None
    person, counts = connection.person.id, found.by_address and connection.address
    address = people.fingerprint(chat, connection.address) if counts else ""
    return found.barred(person, address, connection.known_since)


async def _show_passphrase(chat: Chat, connection: Connection, room: str, found: RoomRules, shown: Pass) -> None:
    """Raises `wrong_passphrase`."""
    person = connection.person.id
    if shown.passphrase is None:
        raise Refused("wrong_passphrase", "This room has a passphrase: whoever told you of it knows it.", needed=True)
    what = f"passphrase of #{room}"
    async with chat.at_the_door:  # one at a time: nobody makes many guesses before the first one counts
        await chat.guesses.check(what, connection)
        is_right = await chat.passphrases.run(connection.id, people.opens, found.room["passphrase"], shown.passphrase)
        if not is_right:
            await chat.guesses.spend(what, connection)
            raise Refused("wrong_passphrase", "This is not the passphrase of the room.")
    await chat.store.write(queries.admit, room=room, persons=[person])


async def may_read(chat: Chat, room: str, tokens: Sequence[str]) -> bool:
    """May whoever has one of these tokens read the room's log? A listed room that lets everybody in is everybody's;
    another one is theirs who were let in, or said something there. Raises `no_such_room`."""
    found = await _newest(chat, room)
    if found.room["listed"] and not found.is_closed and not found.sanctions:
        return True
    return await _may_read(chat, room, found, await people.stored(chat, tokens))


async def may_person_read(chat: Chat, room: str, person: str) -> bool:
    """The same of a person; whoever is in the room may."""
    try:
        found = await _newest(chat, room)
    except Refused as refusal:
        if refusal.code != "no_such_room":
            raise
        return False
    is_there = chat.presence.has_in(room, person) and not found.sanction(person, BAN)
    return is_there or await _may_read(chat, room, found, person)


async def _newest(chat: Chat, room: str) -> RoomRules:
    return await known(chat, room, (await chat.store.read(queries.room, room))["rules_rev"])


async def _may_read(chat: Chat, room: str, found: RoomRules, reader: str | None) -> bool:
    if reader and found.sanction(reader, BAN):
        return False
    if found.room["listed"] and not found.is_closed:
        return True
    if reader is None:
        return False
    return reader in found.roles or await chat.store.read(queries.is_admitted, room, reader)


# --- who may do what ---


def grant(chat: Chat, connection: Connection, right: type[Member], room: str) -> Member:
    """The member as the verb wants them. Raises Refused where they have not got that right."""
    found, person = chat.rules.get(room), connection.person
    if found is None or not is_in(chat, connection, room):
        raise not_member(room)
    refuse_barred(chat, connection, room, found)
    if issubclass(right, Speaker) and (muted := found.sanction(person.id, MUTE)):
        raise muted.refusal(room)
    if issubclass(right, Owner):
        require(found, person.id, OWNER)
    elif issubclass(right, Moderator):
        require(found, person.id, MODERATOR)
    return right(person.id, person.nickname, room, connection, found.rev)


def is_in(chat: Chat, connection: Connection, room: str) -> bool:
    """It has joined the room, or is let in for what it asks now."""
    return connection.visiting == room or chat.presence.has_joined(connection, room)


def not_member(room: str) -> Refused:
    if is_direct(room):
        return Refused("not_member", "Open the conversation first.")
    return Refused("not_member", Sentence("Join #{room} first.", room=room))


def require(found: RoomRules, person: str, role: str) -> None:
    """Raises `not_allowed` where the person is less than that in the room."""
    if found.rank(person) >= RANKS[role]:
        return
    if role == OWNER:
        raise Refused("not_allowed", "Only who owns the room can do that.")
    raise Refused("not_allowed", "Only moderators of the room can do that.")


def rules_of(chat: Chat, member: Member) -> RoomRules:
    """By which the gate has let them through."""
    return chat.rules[member.room]


def slow_for(chat: Chat, speaker: Speaker) -> int:
    """Seconds between two messages of this person; moderators and bots need not wait."""
    found = rules_of(chat, speaker)
    return 0 if speaker.id in found.roles else int(found.room["slow"])


def as_told_to(chat: Chat, found: RoomRules, person: str) -> dict[str, Any]:
    """The room as one person is told of it: with their own standing."""
    return as_told(chat, found.room) | found.standing(person)


def as_told(chat: Chat, room: dict[str, Any]) -> dict[str, Any]:
    """A stored room as everybody in it is told of it: `{name, kind, topic, rev, rules_rev, epoch, people, keep?,
    keep_days?, listed, locked, passphrase, slow, welcome, welcome_words?, topic_by, topic_set?}`. welcome_words: as the
    `words` of a message, where there is more than plain text."""
    told = {name: room[name] for name in TOLD} | {"passphrase": bool(room["passphrase"])}
    told["kind"] = "direct" if is_direct(room["name"]) else "room"
    told |= {"epoch": room.get("epoch", chat.epoch), "people": chat.presence.rooms.count(room["name"])}
    if room["topic_set_by"]:
        told["topic_set"] = {"nickname": room["topic_set_by"], "at": rules.when(room["topic_set_at"])}
    if tree := words(room["welcome"]):
        told["welcome_words"] = tree
    keep = retention.as_told(retention.retention_of(chat, room))
    told |= {"keep": keep} if keep else {}
    return told if room["keep_days"] is None else told | {"keep_days": room["keep_days"]}
