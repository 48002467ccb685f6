"""Cards: what is shown of where a link leads. Which link of a text has one; and what this very site says of its own
rooms and messages, to those who may read them."""

from collections.abc import Iterator, Mapping
from typing import Any

from app.chat import Chat, access
from app.chat.direct import is_direct, stored_name
from app.chat.kinds import RoomRef, Seq
from app.chat.rules import when
from app.chat.words import Tree, plain, words
from app.model import Person, Refused
from app.store import queries

Answer = dict[str, Any]

MAX_TEXT = 300  # characters of a message
MAX_LINK = 1_000  # characters of one that has a card


def link_in(text: str, site: str, mentions: Mapping[str, str] | None = None, *, is_line: bool = False) -> str | None:
    """The first link of a text that leads away from this site: it may have a card. site: the address of this one."""
    lowered = text.lower()
    if "http" not in lowered and "www." not in lowered:
        return None
    own = site.lower()
    for link in _links(words(text, mentions, is_line=is_line) or []):
        is_own = bool(own) and (link.lower() == own or link.lower().startswith((f"{own}/", f"{own}?", f"{own}#")))
        if not is_own and len(link) <= MAX_LINK:
            return link
    return None


def _links(tree: Tree) -> Iterator[str]:
    for node in tree:
        if isinstance(node, str):
            continue
        if "link" in node:
            yield node["link"]
        elif "quote" not in node and "codeblock" not in node:  # what somebody else said
            for part in node.values():
                if isinstance(part, list):
                    yield from _links(_flat(part))


def _flat(parts: list[Any]) -> Tree:
    """A list has a tree for each of its items."""
    return [node for part in parts for node in (part if isinstance(part, list) else [part])]


async def preview(chat: Chat, person: Person, *, room: RoomRef, seq: Seq | None = None) -> Answer:
    """What a link to a room of this site leads to, or with `seq` to a message there, if one may read it: `card` is
    `{room, topic, people, seq?, author?, nickname?, at?, kind?, text?, file?}`. Nothing is stored of it."""
    stored = stored_name(person.id, room)
    if not is_direct(stored) and not await access.may_person_read(chat, stored, person.id):
        raise Refused("no_such_room", "There is no such room, or it is not yours to read.")
    about = await chat.store.read(queries.room, stored)
    card = {"room": room, "topic": about["topic"], "people": chat.presence.rooms.count(stored)}
    return {"card": card | (await _said(chat, stored, seq) if seq is not None else {})}


async def _said(chat: Chat, room: str, seq: int) -> Answer:
    message = await chat.store.read(queries.one, room, seq)
    if message["deleted"] is not None:
        raise Refused("no_such_message", "This message was deleted.")
    tree = words(message["text"], message["mentions"], is_line=message["kind"] == "action")
    text = " ".join(plain(tree or message["text"]).split())
    told = {
        "seq": seq,
        "author": message["author"],
        "nickname": message["nickname"],
        "at": when(message["at"]),
        "kind": message["kind"],
    }
    told["text"] = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT].rstrip()}…"
    return told | ({"file": queries.file_name(message["file"])} if message["file"] else {})
