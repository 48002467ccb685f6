"""Cards: what a message shows of the page to which it links. They are stored with the message, a moment after it."""

from typing import Any

import orjson
from sqlalchemy import Connection

from app.model import Refused
from app.store.changes import Changes, changes
from app.store.queries.messages import Message, changed, one


@changes(Changes.ROOM)
def put_card(db: Connection, *, room: str, seq: int, text: str, card: dict[str, Any]) -> tuple[Message, bool]:
    """The card of a link in this text. Returns the message, and whether that changed anything: not where it has another
    text meanwhile, was deleted, or has a card. Raises `no_such_message`."""
    message = one(db, room, seq)
    if message["deleted"] is not None or message["text"] != text or message["card"] is not None:
        return message, False
    return changed(db, room, seq, None, card=orjson.dumps(card).decode()), True


@changes(Changes.ROOM)
def show_card(
    db: Connection, *, room: str, seq: int, by: str, is_moderator: bool, on: bool, rules_rev: int | None = None
) -> tuple[Message, bool]:
    """Hide the card of a message, or show it again: its author, or a moderator, and what a moderator has hidden only
    they. Returns the message, and whether that changed anything. The card is kept, with `off`: who has hidden it. Of a
    link that the author put in its place meanwhile there is no card: shown again, the next edit makes one."""
    message = one(db, room, seq)
    if message["author"] != by and not is_moderator:
        raise Refused("not_allowed", "Only who said it can change it.")
    card = orjson.loads(message["card"]) if message["card"] else None
    if card is None or on == ("off" not in card):
        return message, False
    if on and card["off"] != by and not is_moderator:
        raise Refused("not_allowed", "A moderator has removed it.")
    shown = {name: value for name, value in card.items() if name != "off"} | ({} if on else {"off": by})
    has_page = shown.keys() > {"url"}
    return changed(db, room, seq, rules_rev, card=orjson.dumps(shown).decode() if has_page else None), True
