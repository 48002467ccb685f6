"""Messages: said, changed, read again, caught up with."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Integer,
    String,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy import delete as remove
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.model import ROW_BYTES, Refused, Sentence
from app.store.changes import Changes, changes
from app.store.prepared import Prepared
from app.store.queries import files
from app.store.queries.audit import Actor, note
from app.store.queries.mentions import Calls, forget_mentions, note_mentions, resolve, written
from app.store.queries.mentions import read as read_mentions
from app.store.queries.rooms import check_rules, no_such_room, room_now
from app.store.queries.rooms import epoch as epoch_now
from app.store.queries.rows import NotAllNew, insert_or_not, now
from app.store.queries.search_index import forget_indexed
from app.store.tables import mentions, messages, reactions, removed, rooms, turns

Message = dict[str, Any]
Reactions = dict[str, tuple[int, list[str]]]  # emoji -> how many, the first nicknames; in the order of the first ones

LARGEST_SEQ = 2**53 - 1  # a seq that no room reaches
ACTIVE_AT_INTERVAL_MS = 1_000  # between two updates of a room's `active_at`, which is indexed

# The statements of the busiest path.
_SAID = ("room", "seq", "rev", "id", "author", "nickname", "kind", "text", "reply_to", "at", "mentions", "file")
UNCHANGED = dict.fromkeys(("edited", "deleted", "reactions", "card"))  # null in a new message
_known = Prepared(select(messages).where(messages.c.author == bindparam("author"), messages.c.id == bindparam("id")))
_store = Prepared(insert_or_not(messages).on_conflict_do_nothing(index_elements=("author", "id")), sets=_SAID)
_by = bindparam("by", type_=Integer)
_claim = Prepared(
    update(rooms)
    .where(rooms.c.name == bindparam("room"))
    .values(seq=rooms.c.seq + _by, rev=rooms.c.rev + _by)
    .returning(rooms.c.seq, rooms.c.rev, rooms.c.active_at, rooms.c.rules_rev)
)
_wake = Prepared(update(rooms).where(rooms.c.name == bindparam("room")).values(active_at=bindparam("at")))

# The same on PostgreSQL, where each statement is a round trip: one message by one statement, the places of a batch by
# one (in SQLite a WITH changes nothing, and there are no arrays). Arrays of whole messages would take longer than the
# round trips that they save: the driver writes them in Python.
_at = bindparam("at", type_=BigInteger)
_awake = case(((_at - rooms.c.active_at).between(0, ACTIVE_AT_INTERVAL_MS - 1), rooms.c.active_at), else_=_at)
_ONE = ("room", "id", "author", "nickname", "kind", "text", "at")  # of one that answers, carries and calls nothing
_place = (
    update(rooms)
    .where(
        rooms.c.name == bindparam("room", type_=String),
        rooms.c.rules_rev == func.coalesce(bindparam("rules_rev", type_=BigInteger), rooms.c.rules_rev),
    )
    .values(seq=rooms.c.seq + 1, rev=rooms.c.rev + 1, active_at=_awake)
    .returning(rooms.c.seq, rooms.c.rev)
    .cte("place")
)
_claim_and_store = Prepared(
    insert_or_not(messages)
    .from_select(
        ("seq", "rev", *_ONE),
        select(_place.c.seq, _place.c.rev, *(bindparam(one, type_=messages.c[one].type) for one in _ONE)),
    )
    .on_conflict_do_nothing(index_elements=("author", "id"))
    .returning(messages.c.seq, messages.c.rev)
)
_wanted = (
    func.unnest(bindparam("names", type_=ARRAY(String)), bindparam("counts", type_=ARRAY(BigInteger)))
    .table_valued("name", column("count", BigInteger), name="wanted")
    .render_derived()
)
_claim_all = Prepared(
    update(rooms)
    .where(rooms.c.name == _wanted.c.name)
    .values(seq=rooms.c.seq + _wanted.c.count, rev=rooms.c.rev + _wanted.c.count, active_at=_awake)
    .returning(rooms.c.name, rooms.c.seq, rooms.c.rev, rooms.c.active_at, rooms.c.rules_rev)
)
_here = messages.c.room == bindparam("room")
_most = bindparam("most", type_=Integer)
_before = Prepared(
    select(messages).where(_here, messages.c.seq < bindparam("end")).order_by(messages.c.seq.desc()).limit(_most)
)
_after = Prepared(
    select(messages).where(_here, messages.c.seq > bindparam("start")).order_by(messages.c.seq).limit(_most)
)
_since = Prepared(
    select(messages).where(_here, messages.c.rev > bindparam("start")).order_by(messages.c.rev).limit(_most)
)
_reacted_with = (
    reactions.c.room == bindparam("room"),
    reactions.c.seq == bindparam("seq"),
    reactions.c.emoji == bindparam("emoji"),
)
_one = Prepared(select(messages).where(messages.c.room == bindparam("room"), messages.c.seq == bindparam("seq")))
_reacted_last = Prepared(select(func.max(reactions.c.at)).where(*_reacted_with[:2]))  # on the message, with any emoji
_reacted_count = Prepared(select(func.count()).select_from(reactions).where(*_reacted_with))
_reacted_first = Prepared(
    select(reactions.c.nickname).where(*_reacted_with).order_by(reactions.c.at, reactions.c.person).limit(_most)
)


@changes(Changes.ROOM)
def insert_message(
    db: Connection,
    *,
    room: str,
    author: str,
    nickname: str,
    id: str,
    kind: str,
    text: str,
    reply_to: int | None,
    follows: str | None = None,
    rules_rev: int | None = None,
    calls: Calls = (),
    file: str | None = None,
) -> tuple[Message, bool]:
    """Store a message and claim its place. Returns it, and whether it is new: the same id again gives the first one.

    follows: id of the author's message that must be stored before this one; refused (`out_of_order`) where it is not.
    rules_rev: of the room's rules by which it was let through. Raises StaleRules where there are others now.
    calls: what may be names in it. file: the id of one that the author has uploaded; `no_such_file` where there is
    none, or another message carries it.
    """
    _check_order(db, author, follows)
    if reply_to is not None or file is not None:
        if known := _known.dicts(db, author=author, id=id):
            return _again(db, known[0], room, kind, text, file)
        if reply_to is not None and not _exists(db, room, reply_to):
            raise _nothing_to_answer(reply_to, room)
    told = None if file is None else files.of_sender(db, file, author)
    seq, rev, active_at = _claimed(db, room, 1, rules_rev)
    at = now()
    message: Message = {
        "room": room,
        "seq": seq,
        "rev": rev,
        "id": id,
        "author": author,
        "nickname": nickname,
        "kind": kind,
        "text": text,
        "reply_to": reply_to,
        "at": at,
        "mentions": resolve(db, calls) or None if calls else None,
        "file": told,
    }
    if not _store.run(db, **_row(message)):
        _claimed(db, room, -1)  # given back: nobody else can have claimed the next one before this transaction ends
        return _again(db, _known.dicts(db, author=author, id=id)[0], room, kind, text, file)
    if file is not None:
        files.carry(db, file, author, room, seq)
    if _is_due(active_at, at):
        _wake.run(db, room=room, at=at)
    note_mentions(db, [message])
    return message | UNCHANGED, True


def insert_at_once(db: Connection, **asked: Any) -> tuple[Message, bool]:
    """What `insert_message` does, on PostgreSQL, in one round trip where that can be: it says something new, answers
    nothing, carries nothing and calls nobody. Raises NotAllNew where it is not new, or not by the room's rules, or
    there is no room; the caller then asks `insert_message`, which says so."""
    if asked["reply_to"] is not None or any(asked.get(one) for one in ("follows", "calls", "file")):
        return insert_message(db, **asked)
    asked = {"rules_rev": None, **asked, "at": now()}
    place = _claim_and_store.first(db, **asked)
    if place is None:
        raise NotAllNew
    said = {one: asked[one] for one in _ONE} | dict.fromkeys(("reply_to", "mentions", "file"))
    return {"seq": place[0], "rev": place[1], **said, **UNCHANGED}, True


@changes(Changes.ROOM)
def insert_in_turn(db: Connection, /, *, slow: int, **asked: Any) -> tuple[Message, bool]:
    """What `insert_message` does, in a room in slow mode: one message of each person in `slow` seconds. Raises
    `slow_mode`."""
    room, author, at = asked["room"], asked["author"], now()
    if not _known.dicts(db, author=author, id=asked["id"]):
        mine = (turns.c.room == room, turns.c.person == author)
        last = db.scalar(select(turns.c.at).where(*mine))
        wait = 0 if last is None else min(last + slow * 1000 - at, slow * 1000) / 1000
        if wait > 0:
            text = Sentence(
                "This room is in slow mode: one message in {seconds} s. Yours can be said in {wait} s.",
                seconds=slow,
                wait=math.ceil(wait),
            )
            raise Refused("slow_mode", text, retry_after=round(wait + 0.005, 2))
        db.execute(remove(turns).where(*mine))
        db.execute(insert(turns).values(room=room, person=author, at=at))
    return insert_message(db, **asked)


def insert_messages(db: Connection, asked: Sequence[dict[str, Any]]) -> list[tuple[Message, bool]]:
    """What `insert_message` does, for several in a row, with a few statements for all. Raises NotAllNew where one of
    them was stored before, or carries a file; the caller then inserts each by itself."""
    if any(one.get("file") for one in asked):
        raise NotAllNew
    at, said, ids = now(), list[Message](), set[tuple[str, str]]()
    counts = Counter(one["room"] for one in asked)
    rules = defaultdict[str, set[int | None]](set)
    for one in asked:
        rules[one["room"]].add(one.get("rules_rev"))
    claims = _claimed_all(db, counts, rules, at)
    places = {room: [seq - counts[room], rev - counts[room]] for room, (seq, rev, _) in claims.items()}
    for one in asked:
        author, follows = one["author"], one.get("follows")
        if (author, follows) not in ids:
            _check_order(db, author, follows)
        ids.add((author, one["id"]))
        room, reply_to = one["room"], one["reply_to"]
        if reply_to is not None and not _exists(db, room, reply_to):
            raise _nothing_to_answer(reply_to, room)
        place = places[room]
        place[0] += 1
        place[1] += 1
        called = resolve(db, calls) if (calls := one.get("calls")) else None
        where = {"seq": place[0], "rev": place[1], "file": None}
        said.append({**where, **one, "at": at, "mentions": called or None, **UNCHANGED})
    if _store.run_each(db, [_row(one) for one in said]) != len(said):
        raise NotAllNew
    note_mentions(db, said)
    if woken := [{"room": room, "at": at} for room, (*_, active_at) in claims.items() if _is_due(active_at, at)]:
        _wake.run_each(db, woken)
    return [(message, True) for message in said]


def _row(message: Message) -> Message:
    """As the table has it; the message itself where nobody is called in it."""
    return message | {"mentions": written(message["mentions"])} if message["mentions"] else message


def _claimed(db: Connection, room: str, by: int, *rules_revs: int | None) -> tuple[int, int, int]:
    """Claims the room's next `by` places: the last seq and rev of them, and when the room was active last. In one
    statement, so that several processes may claim at once. rules_revs: as `insert_message` has it."""
    claim: tuple[int, int, int, int] | None = _claim.first(db, room=room, by=by)
    if claim is None:
        raise no_such_room(room)
    for rules_rev in rules_revs:
        check_rules(claim[3], rules_rev)
    return claim[:3]


def _claimed_all(
    db: Connection, counts: Mapping[str, int], rules: Mapping[str, Iterable[int | None]], at: int
) -> dict[str, tuple[int, int, int]]:
    """`_claimed` of each room; on PostgreSQL, where the rooms are locked before, in one statement, which updates their
    `active_at` as well."""
    if db.dialect.name != "postgresql":
        return {room: _claimed(db, room, counts[room], *rules[room]) for room in sorted(rules)}  # no deadlock
    names = list(counts)
    found = _claim_all.all(db, names=names, counts=[counts[room] for room in names], at=at)
    claims = {room: (seq, rev, active_at) for room, seq, rev, active_at, _ in found}
    for room in names:
        if room not in claims:
            raise no_such_room(room)
    for room, *_, rules_rev in found:
        for one in rules[room]:
            check_rules(rules_rev, one)
    return claims


def _is_due(active_at: int, at: int) -> bool:
    """True where the room's `active_at` is to be updated."""
    return not 0 <= at - active_at < ACTIVE_AT_INTERVAL_MS


def _again(db: Connection, known: Message, room: str, kind: str, text: str, file: str | None) -> tuple[Message, bool]:
    """What was said under this id before, as it looks now. Raises `id_reused` where it was something else."""
    changed = known["edited"] is not None or known["deleted"] is not None
    carried = orjson.loads(known["file"])["id"] if known["file"] else None
    if known["room"] != room or (not changed and (known["kind"], known["text"], carried) != (kind, text, file)):
        raise Refused("id_reused", "This id was already used for another message; a new message needs a new one.")
    return read(known), False


def _check_order(db: Connection, author: str, follows: str | None) -> None:
    """In the transaction that stores what follows, so that no refusal of the one lets the other overtake it."""
    if follows is not None and not _known.dicts(db, author=author, id=follows):
        raise Refused("out_of_order", "The message before this one is not stored yet; send it again after that one.")


def _nothing_to_answer(seq: int, room: str) -> Refused:
    text = Sentence("There is no message {seq} in #{room} to reply to.", seq=seq, room=room)
    return Refused("no_such_message", text)


def _exists(db: Connection, room: str, seq: int) -> bool:
    return db.execute(select(messages.c.seq).where(messages.c.room == room, messages.c.seq == seq)).first() is not None


@changes(Changes.ROOM)
def edit(
    db: Connection,
    *,
    room: str,
    seq: int,
    author: str,
    text: str,
    rules_rev: int | None = None,
    calls: Calls = (),
    link: str | None = None,
) -> tuple[Message, bool]:
    """Give one's own message another text. Returns it, and whether that changed anything. calls: what may be names in
    it. link: the one that may have a card: another one's goes. A message that was changed has `called`, whom it calls
    and did not call before, and `called_before`."""
    message = _own(db, room, seq, author)
    if message["deleted"] is not None:
        raise Refused("no_such_message", "This message was deleted; it cannot be edited any more.")
    if not text and message["file"] is None:
        raise Refused("bad_payload", "“text”: there is nothing in it that can be seen.", field="text")
    if message["text"] == text:
        return message, False
    called = resolve(db, calls) if calls else None
    forget_mentions(db, room, seq)
    note_mentions(db, [message | {"mentions": called}])
    now_said = changed(
        db,
        room,
        seq,
        rules_rev,
        text=text,
        edited=now(),
        mentions=written(called),
        card=_kept_card(message["card"], link, author),
    )
    before, after = ({*(one or {}).values()} for one in (message["mentions"], called))
    return now_said | {"called": sorted(after - before), "called_before": sorted(before)}, True


def _kept_card(card: str | None, link: str | None, author: str) -> str | None:
    """What a moderator has hidden stays so, also when the text leads elsewhere and back: of that other link nothing is
    kept but who has hidden it."""
    known = orjson.loads(card) if card else {"url": None}
    if known["url"] == link:
        return card
    by = known.get("off", author)
    return None if by == author else orjson.dumps({"url": link, "off": by}).decode()


@changes(Changes.ROOM)
def delete(
    db: Connection, *, room: str, seq: int, by: Actor, is_moderator: bool, rules_rev: int | None = None
) -> tuple[Message, bool]:
    """Take one's own message back, or as a moderator another's: a tombstone stays in its place. Returns it, and whether
    that changed anything. For a while it can be restored."""
    message = one(db, room, seq)
    is_own = message["author"] == by.id
    if not is_own and not is_moderator:
        raise Refused("not_allowed", "Only who said it can change it.")
    if message["deleted"] is not None:
        return message, False
    kept = {name: message[name] for name in ("room", "seq", "text", "reply_to", "file", "card")}
    kept |= {"reactions": _stored(message["reactions"] or {}), "mentions": written(message["mentions"])}
    db.execute(insert(removed).values(**kept, at=now()))
    if not is_own:
        note(db, room, by, "delete", whom=(message["author"], message["nickname"]), seq=seq)
    forget_mentions(db, room, seq)
    files.let_go(db, room, seq, seq)
    gone = dict.fromkeys(("reply_to", "reactions", "mentions", "file", "card"))
    gone |= {"text": "", "deleted": now(), "deleted_by": by.id}
    return changed(db, room, seq, rules_rev, **gone), True


@changes(Changes.ROOM)
def restore(
    db: Connection, *, room: str, seq: int, by: Actor, is_moderator: bool, within: int, rules_rev: int | None = None
) -> tuple[Message, bool]:
    """Undo a deletion, for so many milliseconds: its author's own, or a moderator's as a moderator. Returns the
    message, and whether that changed anything."""
    message = one(db, room, seq)
    is_own, was_own = message["author"] == by.id, message["deleted_by"] == message["author"]
    if not is_own and not is_moderator:
        raise Refused("not_allowed", "Only moderators of the room can do that.")
    if message["deleted"] is None:
        return message, False
    if not (is_own if was_own else is_moderator):
        if was_own:
            raise Refused("not_allowed", "Only its author can put this message back.")
        raise Refused("not_allowed", "Only a moderator can put this message back.")
    here = (removed.c.room == room, removed.c.seq == seq)
    kept = db.execute(select(removed).where(*here)).first()
    if kept is None or now() - kept.at > within or (kept.file and not files.bring_back(db, room, seq)):
        raise Refused("not_allowed", "This can no longer be undone.")
    db.execute(remove(removed).where(*here))
    if not was_own:
        note(db, room, by, "restore", whom=(message["author"], message["nickname"]), seq=seq)
    note_mentions(db, [message | {"mentions": read_mentions(kept.mentions)}])
    back = {name: getattr(kept, name) for name in ("text", "reply_to", "reactions", "mentions", "file", "card")}
    return changed(db, room, seq, rules_rev, **back, deleted=None, deleted_by=None), True


@changes(Changes.PEOPLE)
def forget_removed(db: Connection, *, before: int) -> int:
    """What was deleted before that cannot be restored any more, nor who had reacted to it. How many."""
    gone = select(removed.c.room, removed.c.seq).where(removed.c.at < before)
    db.execute(remove(reactions).where(tuple_(reactions.c.room, reactions.c.seq).in_(gone)))
    return db.execute(remove(removed).where(removed.c.at < before)).rowcount


def has_removed(db: Connection, before: int) -> bool:
    """Is there anything that was deleted before that, and is kept still?"""
    return db.execute(select(removed.c.seq).where(removed.c.at < before).limit(1)).first() is not None


@changes(Changes.ROOM)
def react(
    db: Connection,
    *,
    room: str,
    seq: int,
    person: str,
    nickname: str,
    emoji: str,
    on: bool,
    max_emojis: int,
    max_names: int,
    rules_rev: int | None = None,
) -> tuple[Message, bool, bool]:
    """Puts a person's reaction on a message, or takes it off. Returns the message, whether that changed anything, and
    whether the names that it shows for this emoji are others now."""
    message = one(db, room, seq)
    if message["deleted"] is not None:
        raise Refused("no_such_message", "This message was deleted; nobody can react to it any more.")
    shown: Reactions = message["reactions"] or {}
    mine = (reactions.c.room == room, reactions.c.seq == seq, reactions.c.emoji == emoji, reactions.c.person == person)
    known = db.execute(select(reactions.c.nickname).where(*mine)).scalar()
    if (known is not None) == on:
        return message, False, False
    if on and emoji not in shown and len(shown) >= max_emojis:
        raise Refused("not_allowed", Sentence("A message takes {most} different reactions at most.", most=max_emojis))
    if on:
        row = {"room": room, "seq": seq, "emoji": emoji, "person": person, "nickname": nickname}
        [(last,)] = _reacted_last.all(db, room=room, seq=seq)
        db.execute(insert(reactions), row | {"at": max(now(), (last or 0) + 1)})  # those who were first are shown
    else:
        db.execute(remove(reactions).where(*mine))
    where = {"room": room, "seq": seq, "emoji": emoji}
    (count,) = _reacted_count.first(db, **where) or (0,)
    before = names = shown.get(emoji, (0, []))[1]
    if known in names or len(names) < max_names:  # else those that are shown stay the first ones
        names = [name for (name,) in _reacted_first.all(db, **where, most=max_names)]
    shown = {**shown, emoji: (count, names)} if count else {one: what for one, what in shown.items() if one != emoji}
    return changed(db, room, seq, rules_rev, reactions=_stored(shown)), True, names != before


def reacted(db: Connection, *, room: str, person: str, seqs: Sequence[int]) -> tuple[dict[int, list[str]], int]:
    """A person's own reactions on these messages, `{seq: [emoji]}`; and the rev of the room as of which that is so."""
    rev = room_now(db, room)["rev"]
    here = (reactions.c.person == person, reactions.c.room == room, reactions.c.seq.in_(seqs))
    found: dict[int, list[str]] = {}
    for seq, emoji in db.execute(select(reactions.c.seq, reactions.c.emoji).where(*here).order_by(reactions.c.at)):
        found.setdefault(seq, []).append(emoji)
    return found, rev


def one(db: Connection, room: str, seq: int) -> Message:
    """A message as it looks now. Raises `no_such_message`."""
    found = _one.dicts(db, room=room, seq=seq)
    if not found:
        raise Refused("no_such_message", Sentence("There is no message {seq} in #{room}.", seq=seq, room=room))
    return read(found[0])


def _own(db: Connection, room: str, seq: int, author: str) -> Message:
    message = one(db, room, seq)
    if message["author"] != author:
        raise Refused("not_allowed", "Only who said it can change it.")
    return message


def changed(db: Connection, room: str, seq: int, rules_rev: int | None, **values: Any) -> Message:
    """Claim the room's next rev for a message that looks different now; its seq stays. Raises StaleRules."""
    claim = update(rooms).where(rooms.c.name == room).values(rev=rooms.c.rev + 1)
    rev, found = db.execute(claim.returning(rooms.c.rev, rooms.c.rules_rev)).one()
    check_rules(found, rules_rev)
    db.execute(update(messages).where(messages.c.room == room, messages.c.seq == seq).values(rev=rev, **values))
    return one(db, room, seq)


def read(row: Message) -> Message:
    """A row as it is stored, with its reactions as `Reactions` and its mentions by name; None where there are none."""
    if row["reactions"]:
        row = row | {"reactions": orjson.loads(row["reactions"])}
    return row | {"mentions": read_mentions(row["mentions"])} if row["mentions"] else row


def _stored(shown: Reactions) -> str | None:
    return orjson.dumps(shown).decode() if shown else None


def changed_since(db: Connection, *, room: str, after: int, limit: int) -> tuple[list[Message], bool]:
    """What changed after rev `after`, ascending by rev, `limit` at most; and whether there is more."""
    return _page(_since.dicts(db, room=room, start=after, most=limit + 1), limit)


def said_before(db: Connection, *, room: str, before: int | None, limit: int) -> tuple[list[Message], bool]:
    """The last `limit` messages before seq `before` (exclusive), ascending by seq; and whether there are older ones."""
    end = LARGEST_SEQ if before is None else before
    page, more = _page(_before.dicts(db, room=room, end=end, most=limit + 1), limit)
    return page[::-1], more


def said_after(db: Connection, *, room: str, after: int, limit: int) -> list[Message]:
    """The first `limit` messages after seq `after`, ascending by seq."""
    return _page(_after.dicts(db, room=room, start=after, most=limit), limit)[0]


class BytesOf(FunctionElement[int]):
    """A function of SQL: how many bytes a text has in UTF-8."""

    type = Integer()
    inherit_cache = True


@compiles(BytesOf)
def _octet_length(element: Any, compiler: Any, **how: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **how)})"


@compiles(BytesOf, "sqlite")
def _length_of_blob(element: Any, compiler: Any, **how: Any) -> str:  # octet_length comes with SQLite 3.43
    return f"length(CAST({compiler.process(element.clauses, **how)} AS BLOB))"


_size = BytesOf(messages.c.text) + func.coalesce(BytesOf(messages.c.card), 0) + ROW_BYTES


def room_size(db: Connection, room: str) -> tuple[int, int]:
    """How many messages there are of the room, and how many bytes they take."""
    found = db.execute(select(func.count(), func.sum(_size)).where(messages.c.room == room)).one()
    return int(found[0]), int(found[1] or 0)


def first_within(db: Connection, room: str, limit: int) -> int:
    """The seq of the first of the newest messages that take so many bytes together; of the newest one where that alone
    takes more. 0 where there is none."""
    total = func.sum(_size).over(order_by=messages.c.seq.desc(), rows=(None, 0))
    newest = select(messages.c.seq, total.label("total")).where(messages.c.room == room).subquery()
    first, last = db.execute(
        select(func.min(case((newest.c.total <= limit, newest.c.seq))), func.max(newest.c.seq))
    ).one()
    return int(first or last or 0)


@changes(Changes.ROOM)
def delete_oldest(db: Connection, *, room: str, before_seq: int, before_at: int, limit: int) -> int:
    """Deletes up to `limit` messages from the oldest on, and stops before the first whose seq and time are both to be
    kept: a message with a wrong time does not take later ones along. Returns their number."""
    here = messages.c.room == room
    oldest = select(messages.c.seq, messages.c.at).where(here).order_by(messages.c.seq).limit(limit)
    old = takewhile(lambda one: one.seq < before_seq or one.at < before_at, db.execute(oldest).all())
    last = max((one.seq for one in old), default=0)
    for table in (reactions, removed, mentions):
        db.execute(remove(table).where(table.c.room == room, table.c.seq <= last))
    files.let_go(db, room, 0, last)
    forget_indexed(db, room, last)
    return db.execute(remove(messages).where(here, messages.c.seq <= last)).rowcount


def _page(rows: list[Message], limit: int) -> tuple[list[Message], bool]:
    return [read(row) for row in rows[:limit]], len(rows) > limit


def catch_up(
    db: Connection, name: str, after: int | None, epoch: str | None, limit: int, behind: int
) -> dict[str, Any]:
    """Room and messages as of one moment, for who comes or comes back: `{room, messages, more, last_page, reset}`; the
    room with its `epoch`.

    Without `after`, or more than `behind` changes behind it, or ahead of it, or where it is a rev of another history
    than `epoch`: the last page.
    """
    here = epoch_now(db)
    found = room_now(db, name) | {"epoch": here}
    strange = epoch not in (None, here)
    if after is None or strange or not found["rev"] - behind <= after <= found["rev"]:
        page, _ = said_before(db, room=name, before=None, limit=limit)
        return {"room": found, "messages": page, "more": False, "last_page": True, "reset": after is not None}
    page, more = changed_since(db, room=name, after=after, limit=limit)
    return {"room": found, "messages": page, "more": more, "last_page": False, "reset": False}
