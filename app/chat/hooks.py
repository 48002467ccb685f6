"""Hooks: by one of them another program says something in a room, and hears what is said there."""

import base64
import secrets
from contextlib import suppress
from typing import Any
from uuid import uuid4

from app.chat import Chat, access, bots, names, people, targets
from app.chat.kinds import HookId, NicknameWish, Url
from app.chat.moderation import actor
from app.chat.rules import when
from app.model import Connection, Owner, Person, Refused
from app.store import queries

Answer = dict[str, Any]

NAME = "hook"  # of one that was given none
BEGIN = "whsec_"  # of secrets, as Standard Webhooks has them


async def hook(
    chat: Chat,
    owner: Owner,
    *,
    url: Url | None = None,
    nickname: NicknameWish | None = None,
    remove: HookId | None = None,
) -> Answer:
    """Let another program say something in the room: whatever it posts to `POST /hooks/{secret}` (`post` is the whole
    address), as `nickname`. With `url`, what is said, edited and deleted in the room is delivered there, signed with
    `secret` as Standard Webhooks has it. Nobody can read a secret again. `remove` ends the hook with this id."""
    if remove is not None:
        if url is not None or nickname is not None:
            raise Refused("bad_payload", "“remove” stands alone.", field="remove")
        return await _remove(chat, owner, remove)
    host = "" if url is None else await targets.check(url, chat.hook_private)
    await chat.tokens.ready()
    id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    name, spare = bots.free_names(chat, nickname) if nickname is not None else _names(chat)
    borne = await chat.store.write(
        queries.add_hook,
        room=owner.room,
        by=actor(chat, owner),
        rules_rev=owner.rules_rev,
        hook=id,
        person=bots.new_id(),
        wishes=[name, *spare],
        is_wish=nickname is not None,
        held=people.held(chat),
        fingerprint=people.fingerprint(chat, secret),
        url=url,
        host=host,
        most=bots.MAX_BOTS,
    )
    await access.tell(chat, owner.room)
    made = {"id": id, "nickname": borne, "post": f"{owner.connection.site}/hooks/{secret}"}
    return {"hook": made | ({"url": url, "secret": signing_secret(chat, id)} if url else {"secret": secret})}


async def _remove(chat: Chat, owner: Owner, hook: str) -> Answer:
    by, rev = actor(chat, owner), owner.rules_rev
    await chat.store.write(queries.remove_hook, room=owner.room, by=by, rules_rev=rev, hook=hook)
    await access.tell(chat, owner.room)
    return {}


async def hooks(chat: Chat, owner: Owner) -> Answer:
    """The hooks of the room: `[{id, nickname, since, url?, waiting?, trouble?, given_up?}]`. waiting: events that are
    to be delivered; trouble: why the last attempt failed; given_up: since when nothing is delivered any more."""
    return {"hooks": [_entry(one) for one in await chat.store.read(queries.hooks_of, owner.room)]}


def _entry(stored: dict[str, Any]) -> Answer:
    entry = {"id": stored["id"], "nickname": stored["nickname"] or NAME, "since": when(stored["at"])}
    if not stored["url"]:
        return entry
    given_up = stored["given_up_at"]
    more = {
        "url": stored["url"],
        "waiting": 0 if given_up else stored["last"] - stored["done"],
        "trouble": stored["trouble"],
        "given_up": when(given_up) if given_up else None,
    }
    return entry | {name: value for name, value in more.items() if value}


def _names(chat: Chat) -> tuple[queries.Name, list[queries.Name]]:
    """All hooks of the site are called so, and no two the same."""
    numbers = ["", *range(2, 10), *(secrets.randbelow(10**digits) for digits in (4, 6, 6, 8, 8))]
    wishes = [names.named(f"{NAME}{number}") for number in numbers]
    free = [one for one in wishes if not chat.newcomers.bearer(one[1])]
    return free[0], free[1:]


def signing_secret(chat: Chat, hook: str) -> str:
    """By which what is delivered to it is signed, as receivers are told it."""
    return BEGIN + base64.b64encode(chat.tokens.key_of_hook(hook)).decode()


async def caller(chat: Chat, secret: str, nickname: str | None, address: str = "") -> tuple[Connection, str] | None:
    """Who says something by the hook with this secret, and in which room; None where there is none. nickname: under
    which it is to be said; where that cannot be, or somebody bears it, it is the hook's own."""
    found = await chat.store.read(queries.hook_with, people.fingerprint(chat, secret))
    if found is None:
        return None
    name = await _borne(chat, found["person"], nickname) if nickname else None
    person = Person(found["person"], name or found["nickname"] or NAME)
    connection = Connection(uuid4().hex, person, address=address, known_since=found["created_at"], visits=True)
    return connection, found["room"]


async def _borne(chat: Chat, person: str, nickname: str) -> str | None:
    with suppress(Refused):
        name = names.named(names.bearable(names.nickname(nickname), chat.site))
        if chat.newcomers.bearer(name[1]) is None:
            free = await chat.store.read(queries.first_free, person, [name], people.held(chat))
            return free[0] if free else None
    return None
