"""Messages: send, edit, delete, react; history and catching up."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

import orjson

from app.chat import Chat, access, cards, mentions, moderation, people
from app.chat.direct import is_direct, tell_other
from app.chat.kinds import ACTION, Caption, Emoji, Epoch, FileId, Flag, MessageId, PageLimit, Rev, Seq, Seqs
from app.chat.opening import in_room
from app.chat.words import words
from app.model import ROW_BYTES, Member, Refused, Speaker, is_bot
from app.store import queries

Answer = dict[str, Any]
Stored = TypeVar("Stored", bound=tuple[Any, ...])

RESTORE_MS = 60_000  # in which a deletion can be undone; the page offers it for 10 s
PAGE_BYTES = 250_000  # of messages in one answer; a quarter of what a slow reader may leave waiting
TOLD_FIELDS = ("seq", "rev", "id", "author", "nickname", "kind", "text")  # of every message, as it is stored


async def send(
    chat: Chat,
    speaker: Speaker,
    *,
    id: MessageId,
    text: Caption = "",
    reply_to: Seq | None = None,
    follows: MessageId | None = None,
    file: FileId | None = None,
) -> Answer:
    """Say something. The same `id` again is answered with the first message and not told again. `file` is one that this
    person has uploaded (`POST /files`) and not sent yet; its message is of kind `file`, and `text` its caption, which
    may be empty.

    Text that begins with `/me ` is an action. Stored before told: who hears of it finds it in the history. `follows` is
    the id of one's own message that is to stand before this one: refused (`out_of_order`) while that one is not stored,
    so that several may be sent without waiting and still keep their order whatever happens to one of them.
    """
    if not text and file is None:
        raise Refused("bad_payload", "“text”: there is nothing in it that can be seen.", field="text")
    if not (chat.rates.is_off or speaker.id in access.rules_of(chat, speaker).roles):  # moderators and bots may have to
        chat.floods.check(speaker, id, f"{file} {text}" if file else text, chat.presence.rooms.count(speaker.room))
    chat.floods.note_said(speaker)
    action = None if file else ACTION.fullmatch(text)
    kind, said = ("action", action[1]) if action else ("file" if file else "said", text)
    asked: dict[str, Any] = {
        "room": speaker.room,
        "author": speaker.id,
        "nickname": people.borne(chat, speaker),
        "id": id,
        "kind": kind,
        "text": said,
        "reply_to": reply_to,
        "follows": follows,
        "rules_rev": speaker.rules_rev,
        "calls": mentions.calls_in(chat, speaker, said),
    }
    asked |= {"file": file} if file else {}
    if slow := access.slow_for(chat, speaker):
        write = _writing(chat, speaker, "created", queries.insert_in_turn, slow=slow, **asked)
    else:
        write = _writing(chat, speaker, "created", queries.insert_message, **asked)
    size = len(text.encode()) + ROW_BYTES * (1 + len(asked["calls"]))
    stored, new = await _counted(chat, speaker, size, partial(in_room, chat, speaker.connection, speaker.room, write))
    chat.counts.said += new
    answer = _tell_if_new(chat, speaker, stored, new)  # before anything is waited for: in the order of revs
    if new and is_direct(speaker.room):
        await tell_other(chat, speaker)
    if new:
        chat.on_said(speaker, stored)
        chat.on_linked(speaker, stored)
    return answer


async def edit(chat: Chat, speaker: Speaker, *, seq: Seq, text: Caption) -> Answer:
    """Give one's own message another text; one with a file may have none. It keeps its place, its time and its id."""
    if not (chat.rates.is_off or speaker.id in access.rules_of(chat, speaker).roles):
        chat.floods.check_mentions(speaker, text)
    mine = {**_here(speaker, seq), "author": speaker.id, "calls": mentions.calls_in(chat, speaker, text)}
    link = cards.link_in(text, speaker.connection.site)
    write = _writing(chat, speaker, "edited", queries.edit, **mine, text=text, link=link)
    stored, new = await _counted(chat, speaker, len(text.encode()), write)
    answer = _tell_if_new(chat, speaker, stored, new)
    if new:
        chat.on_edited(speaker, stored)
        chat.on_linked(speaker, stored)
    return answer


async def delete(chat: Chat, member: Member, *, seq: Seq) -> Answer:
    """Take one's own message back, or as a moderator another's. A tombstone without text stays in its place, with
    `deleted_by` (a person's id) where it was not its author."""
    asked = {**_here_by_rank(chat, member, seq), "by": moderation.actor(chat, member)}
    return _tell_if_new(chat, member, *await _writing(chat, member, "deleted", queries.delete, **asked)())


async def restore(chat: Chat, speaker: Speaker, *, seq: Seq) -> Answer:
    """Undo a deletion within a minute: of one's own message that one has taken back oneself, or as a moderator of one
    that a moderator took away. It is there again with its text, its file and its reactions."""
    asked = {**_here_by_rank(chat, speaker, seq), "by": moderation.actor(chat, speaker)}
    stored, new = await _writing(chat, speaker, "restored", queries.restore, **asked, within=RESTORE_MS)()
    answer = _tell_if_new(chat, speaker, stored, new)
    if new:
        chat.on_linked(speaker, stored)  # it may have been deleted before its card came
    return answer


async def card(chat: Chat, speaker: Speaker, *, seq: Seq, on: Flag) -> Answer:
    """With `on` false, hide the card of one's own message, or as a moderator of another's: what it shows of the page to
    which it links. With `on` true it is shown again."""
    asked = {**_here_by_rank(chat, speaker, seq), "by": speaker.id}
    return _tell_if_new(chat, speaker, *await _writing(chat, speaker, "card", queries.show_card, **asked, on=on)())


async def react(chat: Chat, speaker: Speaker, *, seq: Seq, emoji: Emoji, on: Flag) -> Answer:
    """Answer a message with an emoji, or with `on` false take that back. The room is told of this change alone, by the
    event `react`."""
    nickname = people.borne(chat, speaker)
    write: Callable[[], Awaitable[tuple[queries.Message, bool, bool]]] = partial(
        chat.store.write,
        queries.react,
        room=speaker.room,
        seq=seq,
        person=speaker.id,
        nickname=nickname,
        emoji=emoji,
        on=on,
        max_emojis=chat.limits.reactions,
        max_names=chat.limits.reaction_names,
        rules_rev=speaker.rules_rev,
    )
    stored, new, names_changed = await (_counted(chat, speaker, ROW_BYTES, write) if on else write())
    if new:
        count, names = (stored["reactions"] or {}).get(emoji, (0, []))
        change = {"room": speaker.room, "seq": seq, "rev": stored["rev"], "emoji": emoji, "on": on, "count": count}
        change |= {"person": speaker.id, "nickname": nickname} | ({"names": names} if names_changed else {})
        chat.broadcaster.broadcast(speaker.room, "react", change, stored["rev"])
    return {"message": as_told(stored)}


async def reacted(chat: Chat, member: Member, *, seqs: Seqs) -> Answer:
    """Which of one's own reactions are on these messages, `{seq: [emoji]}`, as of rev `rev`: a message shows the first
    names alone, and under the name of their day."""
    mine, rev = await chat.store.read(queries.reacted, room=member.room, person=member.id, seqs=seqs)
    return {"mine": {str(seq): emojis for seq, emojis in mine.items()}, "rev": rev}


async def sync(
    chat: Chat, member: Member, *, after: Rev, limit: PageLimit | None = None, epoch: Epoch | None = None
) -> Answer:
    """What changed after rev `after`, oldest change first, each message once as it is now. `epoch`: as with join."""
    ask = partial(changes, chat, member.room, after, epoch, limit)
    return (await in_room(chat, member.connection, member.room, ask))[1]


async def history(
    chat: Chat, member: Member, *, before: Seq | None = None, after: Seq | None = None, limit: PageLimit | None = None
) -> Answer:
    """The messages before seq `before` (exclusive; the last ones without it), or the first ones after seq `after`,
    ascending by seq.

    `more` says that older ones exist, with `after` that newer ones do.
    """
    if before is not None and after is not None:
        raise Refused("bad_payload", "“before” and “after” exclude each other.", field="after")
    if after is not None:
        most = _page(chat, limit)
        page = await chat.store.read(queries.said_after, room=member.room, after=after, limit=most + 1)
        oldest = _fitting(as_told(one) for one in page[:most])
        return {"messages": oldest, "more": len(oldest) < len(page)}
    page, more = await chat.store.read(queries.said_before, room=member.room, before=before, limit=_page(chat, limit))
    newest = _newest(page)
    return {"messages": newest, "more": more or len(newest) < len(page)}


def _writing(
    chat: Chat, member: Member, event: str, query: Callable[..., tuple[queries.Message, bool]], **asked: Any
) -> Callable[[], Awaitable[tuple[queries.Message, bool]]]:
    """The write, which in the same transaction queues the message for the room's hooks, where there are any."""
    if hooks := access.rules_of(chat, member).hooks_for(member.id):
        return partial(chat.store.write, queries.and_queue, query=query, event=event, hooks=hooks, **asked)
    return partial(chat.store.write, query, **asked)


def _here(member: Member, seq: int) -> dict[str, Any]:
    return {"room": member.room, "seq": seq, "rules_rev": member.rules_rev}


def _here_by_rank(chat: Chat, member: Member, seq: int) -> dict[str, Any]:
    """Where it matters whether a moderator asks."""
    return _here(member, seq) | {"is_moderator": access.rules_of(chat, member).rank(member.id) > 0}


async def _counted(chat: Chat, member: Member, size: int, write: Callable[[], Awaitable[Stored]]) -> Stored:
    """What `write` has stored, and whether it was new: only then it counts as so many bytes of the member's and of
    their address. Raises `too_many` before anything is stored."""
    chat.quotas.store(member.connection, size)
    is_new = False
    try:
        stored = await write()
        is_new = stored[1]
        return stored
    finally:
        if not is_new:
            chat.quotas.give_back(member.connection, size)


def _tell_if_new(chat: Chat, member: Member, stored: queries.Message, new: bool) -> Answer:
    """The ack's message; where it is new or changed, the room is told of it."""
    if not new:
        return {"message": as_told(stored)}
    return {"message": tell_queued(chat, member.room, stored)}


def tell_queued(chat: Chat, room: str, stored: queries.Message) -> Answer:
    """The same as `tell_changed`, and that it waits for the room's hooks."""
    rules = chat.rules.get(room)  # not there any more where whoever asked has left meanwhile
    if rules is None or rules.hooks:
        chat.on_queued()
    return tell_changed(chat, room, stored)


def tell_changed(chat: Chat, room: str, stored: queries.Message) -> Answer:
    """Tell the room how a message looks now."""
    message = as_told(stored)
    chat.indexing.note(room)
    chat.broadcaster.broadcast(room, "message", {"room": room, "message": message}, message["rev"])
    return message


async def changes(
    chat: Chat, room: str, after: int | None, epoch: str | None = None, limit: int | None = None
) -> tuple[dict[str, Any], Answer]:
    """The room and what changed in it, as of one moment (`queries.catch_up`). The answer is cached and shared: callers
    do not change it."""
    most, behind = _page(chat, limit), chat.limits.behind
    return await chat.store.read_cached(room, _caught_up, queries.catch_up, after, epoch, most, behind)


def _page(chat: Chat, limit: int | None) -> int:
    return min(limit or chat.limits.page, chat.limits.page)


def _caught_up(found: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """The room, and a page of changes as the wire has it, cut to what fits in PAGE_BYTES: of changes the first ones, of
    a last page the newest."""
    answer: Answer = {"rev": found["room"]["rev"]}
    if found["last_page"]:
        answer |= {"messages": _newest(found["messages"]), "more": False}
    else:
        oldest = _fitting(as_told(one) for one in found["messages"])
        answer |= {"messages": oldest, "more": found["more"] or len(oldest) < len(found["messages"])}
    return found["room"], answer | {"reset": True} if found["reset"] else answer


def _newest(page: list[queries.Message]) -> list[dict[str, Any]]:
    """The newest messages of a page that fit in PAGE_BYTES, ascending."""
    return _fitting(as_told(one) for one in reversed(page))[::-1]


def _fitting(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first messages that fit in PAGE_BYTES together, and one at least, or a heavy message would end the catching
    up."""
    page: list[dict[str, Any]] = []
    size = 0
    for message in messages:
        size += len(orjson.dumps(message))
        if page and size > PAGE_BYTES:
            break
        page.append(message)
    return page


def as_told(stored: queries.Message) -> dict[str, Any]:
    """A stored message as the wire has it: without empty fields, and with `words` where it has more than plain text."""
    message = {key: stored[key] for key in TOLD_FIELDS}
    message["at"] = iso(stored["at"])
    if stored["file"] is not None:
        message["file"] = orjson.loads(stored["file"])
    if is_bot(stored["author"]):
        message["bot"] = True
    if stored["reply_to"] is not None:
        message["reply_to"] = stored["reply_to"]
    if reactions := stored.get("reactions"):
        message["reactions"] = {emoji: names for emoji, (_, names) in reactions.items()}
        message["reaction_counts"] = {emoji: count for emoji, (count, _) in reactions.items()}
    if (card := stored.get("card")) and "off" not in (shown := orjson.loads(card)):
        message["card"] = shown
    if called := stored.get("mentions"):
        message["mentions"] = sorted(set(called.values()))
    if stored["edited"] is not None:
        message["edited"] = iso(stored["edited"])
    if stored["deleted"] is not None:
        message["deleted"] = True
        if stored["deleted_by"] != stored["author"]:
            message["deleted_by"] = stored["deleted_by"]
    if tree := words(stored["text"], stored.get("mentions"), is_line=stored["kind"] == "action"):
        message["words"] = tree
    return message


def iso(milliseconds: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03}Z"


@lru_cache(1_000)
def _second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
