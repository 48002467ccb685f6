"""What moderators do: send people out, mute and ban them, read what was done and what was reported."""

from typing import Any

from app.chat import Chat, access, people
from app.chat.kinds import EntryNumber, Flag, Minutes, PersonId, Reason, Seq
from app.chat.rules import BAN, KICK, MS_PER_MINUTE, MUTE, OWNER, RANKS, RoomRules, when
from app.model import Member, Moderator, Refused
from app.store import queries
from app.store.queries import Actor

Answer = dict[str, Any]

KICK_S = 10.0  # in which somebody who was sent out cannot come back
PAGE = 50  # entries of the audit in one answer


def actor(chat: Chat, member: Member) -> Actor:
    return Actor(member.id, people.borne(chat, member))


async def kick(chat: Chat, moderator: Moderator, *, person: PersonId, reason: Reason = "") -> Answer:
    """Send somebody out of the room. They may come back after 10 s."""
    return await _sanction(chat, moderator, person, KICK, KICK_S / 60, reason)


async def mute(
    chat: Chat, moderator: Moderator, *, person: PersonId, minutes: Minutes | None = None, reason: Reason = ""
) -> Answer:
    """Let somebody read and not speak, for so many minutes or for good; 0 lifts it."""
    if minutes == 0:
        return await _lift(chat, moderator, person, MUTE)
    return await _sanction(chat, moderator, person, MUTE, minutes, reason)


async def ban(
    chat: Chat,
    moderator: Moderator,
    *,
    person: PersonId,
    minutes: Minutes | None = None,
    reason: Reason = "",
    address: Flag = True,
) -> Answer:
    """Keep somebody out of the room, for so many minutes or for good; 0 lifts it. With `address`, nobody new comes in
    from where they came last either, as far as that is known for certain: who was known before is let in."""
    if minutes == 0:
        return await _lift(chat, moderator, person, BAN, KICK)
    return await _sanction(chat, moderator, person, BAN, minutes, reason, address)


async def _sanction(
    chat: Chat,
    moderator: Moderator,
    person: str,
    kind: str,
    minutes: float | None,
    reason: str,
    address: bool = False,
) -> Answer:
    rules, room = access.rules_of(chat, moderator), moderator.room
    if person == moderator.id:
        raise Refused("not_allowed", "This is yourself.")
    _refuse_as_high(rules, moderator, person)
    await chat.store.write(
        queries.sanction,
        room=room,
        by=actor(chat, moderator),
        rules_rev=moderator.rules_rev,
        person=person,
        kind=kind,
        until=None if minutes is None else queries.now() + int(minutes * MS_PER_MINUTE),
        reason=reason,
        address=_address(chat, person) or True if address else None,
    )
    await access.tell(chat, room)
    return {}


def _address(chat: Chat, person: str) -> str:
    """The fingerprint of where they are connected from here; empty where that is not known."""
    here = [one.address for one in chat.presence.online.connections(person) if one.address]
    return people.fingerprint(chat, here[-1]) if here else ""


def _refuse_as_high(rules: RoomRules, moderator: Moderator, person: str) -> None:
    if rules.rank(person) >= rules.rank(moderator.id):
        if rules.roles[person] == OWNER:
            raise Refused("not_allowed", "They are owner of the room: only an owner can change that.")
        raise Refused("not_allowed", "They are moderator of the room: only an owner can change that.")


async def _lift(chat: Chat, moderator: Moderator, person: str, *kinds: str) -> Answer:
    """Moderators do that for those below them, and not for themselves; owners for everybody."""
    rules = access.rules_of(chat, moderator)
    if rules.rank(moderator.id) < RANKS[OWNER]:
        _refuse_as_high(rules, moderator, person)
    by = actor(chat, moderator)
    room, rev = moderator.room, moderator.rules_rev
    if await chat.store.write(queries.lift, room=room, by=by, rules_rev=rev, person=person, kinds=kinds):
        await access.tell(chat, room)
    return {}


async def sanctions(chat: Chat, moderator: Moderator) -> Answer:
    """Who is banned or muted, the last ones first: `[{person, nickname, kind, at, by, until?, reason?}]`."""
    held = (one for kinds in access.rules_of(chat, moderator).sanctions.values() for one in kinds.values())
    told = [
        {"person": one.person, "nickname": one.nickname, "kind": one.kind, "at": when(one.at), "by": one.by_name}
        | one.told()
        for one in sorted(held, key=lambda one: -one.at)
        if one.kind != KICK and one.holds()
    ]
    return {"sanctions": told}


async def report(chat: Chat, member: Member, *, seq: Seq, text: Reason = "") -> Answer:
    """Report a message to the moderators of the room. Nobody else learns of it."""
    message = await chat.store.read(queries.one, member.room, seq)
    whom, by = (message["author"], message["nickname"]), actor(chat, member)
    rev = member.rules_rev
    await chat.store.write(queries.report, room=member.room, by=by, rules_rev=rev, whom=whom, seq=seq, text=text)
    told = {
        "room": member.room,
        "seq": seq,
        "who": by.nickname,
        "whom": whom[1],
        "text": text,
        "at": when(queries.now()),
    }
    chat.directory.tell_moderators(member.room, told)
    hear_report(chat, member.room, told)
    return {}


def hear_report(chat: Chat, room: str, told: dict[str, Any]) -> None:
    """Here or at another process something was reported: tell the moderators who are here."""
    rules = chat.rules.get(room)
    for person in [one for one in rules.roles if rules.rank(one)] if rules else ():
        for one in chat.presence.online.connections(person):
            if chat.presence.has_joined(one, room):
                chat.broadcaster.send_to(one.id, "report", told)


async def audit(chat: Chat, moderator: Moderator, *, before: EntryNumber | None = None) -> Answer:
    """What moderators did in the room, and what was reported, newest first; `before` the entry of that number."""
    found, more = await chat.store.read(queries.noted, moderator.room, before, PAGE)
    return {"entries": [_entry(one) for one in found], "more": more}


def _entry(stored: dict[str, Any]) -> dict[str, Any]:
    """`{number, at, who, what, whom?, reason?, seq?, person?}`; who and whom are nicknames."""
    entry = {"number": stored["number"], "at": when(stored["at"]), "who": stored["who_name"], "what": stored["what"]}
    more = {"whom": stored["whom_name"], "person": stored["whom"], "reason": stored["reason"], "seq": stored["seq"]}
    return entry | {name: value for name, value in more.items() if value is not None}
