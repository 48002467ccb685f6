"""What owners do with their room: its settings, who else owns or moderates it, and the links that let people in."""

import io
import secrets
from typing import Any

import segno

from app.chat import Chat, access, people
from app.chat.kinds import (
    Flag,
    Hours,
    KeepDays,
    Key,
    Passphrase,
    PersonId,
    Role,
    RoomName,
    SlowSeconds,
    Topic,
    TopicBy,
    Uses,
    Welcome,
)
from app.chat.moderation import actor
from app.chat.rules import OWNER
from app.model import Member, Owner, Person, Refused, Speaker
from app.store import queries
from app.store.queries import Actor

Answer = dict[str, Any]

INVITE_HOURS = 7 * 24.0
MS_PER_HOUR = 3_600_000


class _Unchanged:
    """The value of what was not given, where `null` says something."""


UNCHANGED: Any = _Unchanged()


async def settings(
    chat: Chat,
    speaker: Speaker,
    *,
    topic: Topic = UNCHANGED,
    welcome: Welcome = UNCHANGED,
    listed: Flag = UNCHANGED,
    locked: Flag = UNCHANGED,
    passphrase: Passphrase | None = UNCHANGED,
    slow: SlowSeconds = UNCHANGED,
    keep_days: KeepDays | None = UNCHANGED,
    topic_by: TopicBy = UNCHANGED,
) -> Answer:
    """Change what the room is like; what is left out stays. Owners do that; the topic is everybody's, unless they keep
    it to themselves (`topic_by`). `passphrase` null: anybody may come in. Who is in the room when it is locked or gets
    a passphrase may come back. `keep_days` null: as the server has it. A `welcome` may have all that a message may
    have: as the `words` of a message the room has its `welcome_words`, where it is more than plain text."""
    wanted = {
        "topic": topic,
        "welcome": welcome,
        "listed": listed,
        "locked": locked,
        "passphrase": passphrase,
        "slow": slow,
        "keep_days": keep_days,
        "topic_by": topic_by,
    }
    values = {name: value for name, value in wanted.items() if value is not UNCHANGED}
    rules, room = access.rules_of(chat, speaker), speaker.room
    if set(values) != {"topic"} or rules.room["topic_by"] == OWNER:
        access.require(rules, speaker.id, OWNER)
    if values.get("passphrase"):
        values["passphrase"] = await chat.passphrases.run(speaker.connection.id, people.hashed, values["passphrase"])
    if values:
        by = actor(chat, speaker)
        if values.get("locked") or values.get("passphrase"):
            await access.admit_present(chat, room)
        rev = speaker.rules_rev
        await chat.store.write(queries.settle_rules, room=room, by=by, rules_rev=rev, values=values)
        rules = await access.tell(chat, room)
    return {"room": access.as_told_to(chat, rules, speaker.id)}


async def appoint(chat: Chat, owner: Owner, *, person: PersonId, role: Role | None) -> Answer:
    """Make somebody an owner or a moderator of the room, or with `null` neither. The last owner stays one."""
    by, room = actor(chat, owner), owner.room
    await chat.store.write(queries.appoint, room=room, by=by, rules_rev=owner.rules_rev, person=person, role=role)
    return {"room": access.as_told_to(chat, await access.tell(chat, room), owner.id)}


async def owner_key(chat: Chat, owner: Owner) -> Answer:
    """A link that makes whoever opens it an owner of the room, as oneself on another device. It takes the place of the
    one before."""
    key = await _make_key(chat, owner, OWNER)
    return {"key": key, **_link(owner, f"owner={key}")}


async def claim(chat: Chat, person: Person, *, room: RoomName, key: Key) -> Answer:
    """Own a room by its owner key."""
    by, fingerprint = Actor(person.id, people.borne(chat, person)), people.fingerprint(chat, key)
    try:
        await chat.store.write(queries.claim_room, room=room, by=by, fingerprint=fingerprint)
    except Refused as refusal:
        if refusal.code == "no_such_room":
            raise Refused("not_allowed", queries.FORBIDDEN_KEY) from None
        raise
    return {"room": access.as_told_to(chat, await access.tell(chat, room), person.id)}


async def invite(chat: Chat, member: Member, *, uses: Uses | None = None, hours: Hours = INVITE_HOURS) -> Answer:
    """A link that lets people into the room, whatever its passphrase: `uses` of them, any number without it, for so
    many hours. Of a locked room owners alone give one."""
    rules = access.rules_of(chat, member)
    if rules.room["locked"]:
        access.require(rules, member.id, OWNER)
    key = await _make_key(chat, member, "invite", uses, queries.now() + int(hours * MS_PER_HOUR))
    return _link(member, f"invite={key}")


async def _make_key(chat: Chat, member: Member, kind: str, uses: int | None = None, until: int | None = None) -> str:
    key = secrets.token_urlsafe(32)
    await chat.store.write(
        queries.make_key,
        room=member.room,
        by=actor(chat, member),
        rules_rev=member.rules_rev,
        fingerprint=people.fingerprint(chat, key),
        kind=kind,
        uses=uses,
        until=until,
    )
    await access.refresh(chat, member.room)
    return key


def _link(member: Member, fragment: str) -> Answer:
    """`{url, qr}`. The key stands behind the `#`, which browsers send to no server. qr: SVG."""
    url = f"{member.connection.site}/r/{member.room}#{fragment}"
    return {"url": url, "qr": _qr(url)}


def _qr(url: str) -> str:
    """A QR code as SVG."""
    svg = io.BytesIO()
    segno.make(url, error="m", micro=False).save(svg, kind="svg", xmldecl=False, scale=4, light="white", border=2)
    return svg.getvalue().decode().strip()
