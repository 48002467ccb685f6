"""The judge: what people said and what they hold, against what the database holds. Pure; reads the file by itself.

Every violation is a sentence. None may ever be: what cannot be known (no ack came) may be there once or not at all.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.support.look import Look, Where

Message = dict[str, Any]

KEPT = ("seq", "rev", "id", "author", "nickname", "kind", "text", "reply_to", "edited", "deleted", "at")


@dataclass
class Said:
    """What somebody said: its text (no two are the same), its ack where one came, and the file that it carries: its id
    and its bytes."""

    text: str
    ack: Message | None = None
    file: str | None = None
    content: bytes = b""


@dataclass
class Speech:
    """One person's words in one room, in the order of saying."""

    nickname: str
    words: list[Said] = field(default_factory=list)


@dataclass
class Record:
    """What one person heard of one room, and holds of it in the end.

    lines: the messages that came live, one list for each connection. shown: rev after rev as they were shown, one list
    for each time the copy was begun. held: the copy. floor: it holds everything from this seq on. early: what
    was heard and could not be found in the database at that moment. strays: rooms that they are not in, and heard of.
    """

    name: str
    lines: list[list[Message]] = field(default_factory=list)
    shown: list[list[int]] = field(default_factory=list)
    held: list[Message] = field(default_factory=list)
    floor: int = 1
    early: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)


@dataclass
class Mentioned:
    """What one person's list of mentions holds of one room in the end, the newest first. person: their id."""

    nickname: str
    person: str
    listed: list[Message]


@dataclass
class Stored:
    """One room as the database has it."""

    seq: int
    rev: int
    messages: list[Message]


def read(database: Where, room: str) -> Stored:
    """Ascending by seq; the values as the wire has them."""
    with Look(database) as look:
        found = next(iter(look.rows("SELECT seq, rev FROM rooms WHERE name = ?", room)), None)
        rows = look.rows("SELECT * FROM messages WHERE room = ? ORDER BY seq, rev", room)
        reactions = look.rows("SELECT seq, emoji, nickname FROM reactions WHERE room = ? ORDER BY at, person", room)
    messages = [_as_told(row) for row in rows]
    for one in reactions:
        for message in messages:
            if message["seq"] == one["seq"]:
                message.setdefault("reactions", {}).setdefault(one["emoji"], []).append(one["nickname"])
    return Stored(found["seq"] if found else 0, found["rev"] if found else 0, messages)


def rooms_of_two(database: Where, one: str, other: str) -> list[str]:
    """The rooms in which these two talk alone, as they are stored: one, or none where neither has said anything there
    yet. Neither of them talks with anybody else."""
    with Look(database) as look:
        asked = "SELECT DISTINCT room FROM messages WHERE author IN (?, ?) AND substr(room, 1, 1) = '@'"
        return [row["room"] for row in look.rows(asked, one, other)]


def violations(stored: Stored, speeches: Iterable[Speech], records: Iterable[Record]) -> list[str]:
    """Everything that is not as promised, in sentences."""
    speeches, records = list(speeches), list(records)
    return [
        *_numbers(stored),
        *_once(stored),
        *_said(stored, speeches),
        *_carried(stored, speeches),
        *(fault for speech in speeches for fault in _order(stored, speech)),
        *(fault for record in records for fault in _heard(record)),
        *(fault for record in records for fault in copied(stored, record)),
    ]


def _numbers(stored: Stored) -> Iterator[str]:
    """seq and rev gapless. Each change took a rev of its own and left the one before to nobody; in a drill a message is
    edited or deleted once at most and no reaction is taken back, so that they can be counted."""
    seqs, revs = ([message[name] for message in stored.messages] for name in ("seq", "rev"))
    if sorted(seqs) != list(range(1, stored.seq + 1)):
        yield f"seq is not 1 to {stored.seq}: {_difference(seqs, range(1, stored.seq + 1))}"
    yield from (f"rev {rev} was claimed {times} times" for rev, times in Counter(revs).items() if times > 1)
    yield from (f"rev {rev} is beyond the room's {stored.rev}" for rev in revs if rev > stored.rev)
    missing, changes = set(range(1, stored.rev + 1)) - set(revs), sum(map(_changes, stored.messages))
    if len(missing) != changes:
        yield f"rev is not 1 to {stored.rev}: {sorted(missing)[-9:]} are nobody's, and there were {changes} changes"


def _changes(message: Message) -> int:
    reactions = sum(map(len, (message.get("reactions") or {}).values()))
    return bool(message.get("edited")) + bool(message.get("deleted")) + reactions


def _once(stored: Stored) -> Iterator[str]:
    for name in ("id", "text"):
        times = Counter(message[name] for message in stored.messages if message[name])
        yield from (f"the {name} {value!r} is stored {count} times" for value, count in times.items() if count > 1)


def _said(stored: Stored, speeches: list[Speech]) -> Iterator[str]:
    by_id = {message["id"]: message for message in stored.messages}
    for speech in speeches:
        for said, ack in ((said, said.ack) for said in speech.words if said.ack):
            found = by_id.get(ack["id"])
            if found is None:
                yield f"{speech.nickname}'s {said.text!r} was acked and is not stored"
            elif ack["text"] != said.text:
                yield f"{speech.nickname} said {said.text!r} and was acked {ack['text']!r}"
            elif (found["seq"], found["author"]) != (ack["seq"], ack["author"]) or found["rev"] < ack["rev"]:
                yield f"{speech.nickname}'s {said.text!r} was acked as {_place(ack)} and is stored as {_place(found)}"
    texts = {said.text for speech in speeches for said in speech.words}
    for message in stored.messages:
        if not message.get("edited") and not message.get("deleted") and message["text"] not in texts:
            yield f"{message['text']!r} is stored and nobody said it"


def _carried(stored: Stored, speeches: list[Speech]) -> Iterator[str]:
    """A message that is there carries the file with which it was said."""
    for said, message in _files(stored, speeches):
        carried = None if message.get("deleted") else said.file
        if message.get("file") != carried:
            yield f"{said.text!r} was said with the file {said.file} and carries {message.get('file')}"


def _files(stored: Stored, speeches: list[Speech]) -> Iterator[tuple[Said, Message]]:
    """Whatever was said with a file, and is there."""
    by_id, by_text = ({message[name]: message for message in stored.messages} for name in ("id", "text"))
    for said in (said for speech in speeches for said in speech.words if said.file):
        message = by_id.get(said.ack["id"]) if said.ack else by_text.get(said.text)
        if message:
            yield said, message


def fetched(stored: Stored, speeches: Iterable[Speech], got: dict[str, bytes | None]) -> list[str]:
    """got: by id, the bytes that came for each file that was said; None where none came."""
    faults = []
    for said, message in _files(stored, list(speeches)):
        came = got[said.file or ""]
        if message.get("deleted"):
            faults += [f"{said.text!r} is deleted, and its file still comes"] if came is not None else []
        elif came is None:
            faults.append(f"the file of {said.text!r} is not there")
        elif came != said.content:
            faults.append(f"the file of {said.text!r} is not what was sent: {len(came)} for {len(said.content)} bytes")
    return faults


def mentioned(stored: Stored, one: Mentioned) -> list[str]:
    """The list of somebody's mentions has each message that calls them, once, the newest first."""
    calling = [
        message
        for message in stored.messages
        if f"@{one.nickname}" in message["text"] and message["author"] != one.person and not message.get("deleted")
    ]
    wanted = [message["seq"] for message in sorted(calling, key=lambda it: (it["at"], it["seq"]), reverse=True)]
    listed = [message["seq"] for message in one.listed]
    if listed == wanted:
        return []
    if sorted(listed) == sorted(wanted):
        return [f"{one.nickname}'s list of mentions is not in order: {listed[:9]}"]
    return [f"{one.nickname}'s list of mentions is not what calls them: {_difference(listed, wanted)}"]


def _order(stored: Stored, speech: Speech) -> Iterator[str]:
    places = {message["text"]: message["seq"] for message in stored.messages}
    seqs = [places[said.text] for said in speech.words if said.text in places]
    for one, next_one in pairwise(seqs):
        if next_one < one:
            yield f"{speech.nickname} said seq {next_one} after seq {one}"


def _heard(record: Record) -> Iterator[str]:
    for line in record.lines:
        for one, next_one in pairwise(line):
            if next_one["rev"] <= one["rev"]:
                yield f"{record.name} was told rev {next_one['rev']} after rev {one['rev']} on one connection"
    for shown in record.shown:
        for rev, next_rev in pairwise(shown):
            if next_rev <= rev:
                yield f"{record.name} was shown rev {next_rev} after rev {rev}"
    yield from (f"{record.name} heard {what} before it was committed" for what in record.early)
    yield from (f"{record.name} heard of {room}, in which they are not" for room in record.strays)


def copied(stored: Stored, record: Record) -> Iterator[str]:
    """The copy is what the database holds, from its floor on."""
    seqs = [message["seq"] for message in record.held]
    if seqs != sorted(set(seqs)):
        yield f"{record.name}'s copy is not in order, each message once: {seqs[:9]}"
    if record.floor > 1 and len(record.shown) == 1:
        yield f"{record.name} holds nothing before seq {record.floor}, and was never told to start over"
    wanted = {message["seq"]: message for message in stored.messages if message["seq"] >= record.floor}
    held = {message["seq"]: message for message in record.held}
    if missing := sorted(wanted.keys() - held.keys()):
        yield f"{record.name} has not got seq {missing[:9]} ({len(missing)} in all)"
    if extra := sorted(held.keys() - wanted.keys()):
        yield f"{record.name} holds seq {extra[:9]}, which are not stored"
    for seq in sorted(wanted.keys() & held.keys()):
        copy = held[seq] | {"file": (held[seq].get("file") or {}).get("id")}
        if wrong := [name for name in (*KEPT, "file", "reactions") if wanted[seq].get(name) != copy.get(name)]:
            yield f"{record.name}'s seq {seq} has another {', '.join(wrong)} than the stored one"


def _as_told(row: Message) -> Message:
    """Times in ISO 8601, as the wire has them, written anew here: the judge trusts nobody's code but its own."""
    for name in ("at", "edited"):
        if row[name] is not None:
            at = datetime.fromtimestamp(row[name] / 1000, UTC).isoformat(timespec="milliseconds")
            row[name] = at.replace("+00:00", "Z")
    row["deleted"] = True if row["deleted"] is not None else None
    row["file"] = json.loads(row["file"])["id"] if row["file"] else None
    return {name: row[name] for name in (*KEPT, "file")}


def _place(message: Message) -> str:
    return f"seq {message['seq']}, rev {message['rev']}, author {message['author']}"


def _difference(found: list[int], wanted: Iterable[int]) -> str:
    missing, doubled = sorted(set(wanted) - set(found)), [one for one, times in Counter(found).items() if times > 1]
    return f"missing {missing[:9]}, doubled {doubled[:9]}, beyond {sorted(set(found) - set(wanted))[:9]}"
