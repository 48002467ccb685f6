"""Bots: programs that the owners of a room let in, each by a token that they give and take back."""

import secrets
from typing import Any

from app.chat import Chat, access, names, people
from app.chat.kinds import NicknameWish, PersonId
from app.chat.moderation import actor
from app.chat.rules import when
from app.chat.tokens import new_of_bot
from app.model import BOT, Owner, Refused, Sentence
from app.store import queries

Answer = dict[str, Any]

MAX_BOTS = 40  # of a room, hooks included
TAKEN_BACK = "taken back"  # in place of the token that comes after a bot's


async def bot(
    chat: Chat, owner: Owner, *, nickname: NicknameWish | None = None, remove: PersonId | None = None
) -> Answer:
    """Let a program into the room under this name: `bot` is `{id, nickname, token}`. Nobody can read its token again.
    It comes by any door with it, and speaks in this room alone, whether that is closed or not. `remove` takes the bot
    with this id back: its token is good no longer, and its connections end. With neither, `bots` are those of the room:
    `[{id, nickname, since, by?}]`."""
    if nickname is not None and remove is not None:
        raise Refused("bad_payload", "“nickname” and “remove” exclude each other.", field="remove")
    if remove is not None:
        await _remove(chat, owner, remove)
    if nickname is not None:
        return {"bot": await _add(chat, owner, nickname)}
    return {"bots": [_entry(one) for one in await chat.store.read(queries.bots_of, owner.room)]}


async def _add(chat: Chat, owner: Owner, nickname: str) -> Answer:
    person, token = new_id(), new_of_bot()
    name, spare = free_names(chat, nickname)
    await chat.store.write(
        queries.add_bot,
        room=owner.room,
        by=actor(chat, owner),
        rules_rev=owner.rules_rev,
        person=person,
        name=name,
        spare=spare,
        held=people.held(chat),
        token=people.fingerprint(chat, token),
        most=MAX_BOTS,
    )
    await access.tell(chat, owner.room)
    return {"id": person, "nickname": name[0], "token": token}


async def _remove(chat: Chat, owner: Owner, person: str) -> None:
    by, rev = actor(chat, owner), owner.rules_rev
    for token in await chat.store.write(queries.remove_bot, room=owner.room, by=by, rules_rev=rev, person=person):
        people.revoke(chat, token, TAKEN_BACK)
    await access.tell(chat, owner.room)


def new_id() -> str:
    return f"{BOT}{secrets.token_hex(14)}"


def free_names(chat: Chat, nickname: str) -> tuple[queries.Name, list[queries.Name]]:
    """The name as nobody here bears it who is not stored yet, and others like it. Raises `bad_nickname`,
    `nickname_taken`."""
    name = names.named(names.bearable(names.nickname(nickname), chat.site))
    spare = [one for one in names.spare(name[0], chat.site) if not chat.newcomers.bearer(one[1])]
    if chat.newcomers.bearer(name[1]):
        raise Refused(
            "nickname_taken", Sentence("Somebody bears “{name}”, or a name that looks like it.", name=name[0])
        )
    return name, spare


def _entry(stored: dict[str, Any]) -> Answer:
    entry = {"id": stored["id"], "nickname": stored["nickname"] or "a bot", "since": when(stored["since"])}
    return entry | ({"by": stored["by"]} if stored["by"] else {})
