"""Every question we ask of the memory, written once for every database.

Each takes the open transaction first and runs inside it; who writes, writes through `Database.write`, and says with
`@changes` what. A read before a write cannot go stale: SQLite has one writer (BEGIN IMMEDIATE); elsewhere the row of a
room that is changed is locked before, and queries about people lock their rows themselves (`with_for_update`). Rows
come back as plain dicts. Times are milliseconds.
"""

from app.store.queries.days import day_of, said_on
from app.store.queries.messages import (
    Message,
    NotAllNew,
    catch_up,
    changed_since,
    delete,
    delete_oldest,
    edit,
    insert_message,
    insert_messages,
    one,
    react,
    reacted,
    said_after,
    said_before,
)
from app.store.queries.people import (
    Name,
    arrive,
    claim,
    depart,
    forget_guests,
    hand_over,
    look_anew,
    mark_all_departed,
    reserve,
    reserved,
    rule,
    set_rule,
    stay,
    unused_guests,
    whose,
)
from app.store.queries.rooms import (
    begin_epoch,
    epoch,
    forget_rooms,
    keep,
    lively_rooms,
    open_room,
    probe,
    rename_epoch,
    rooms_with_messages,
    set_topic,
    unused_rooms,
)
from app.store.queries.rooms import (
    room_now as room,
)
from app.store.queries.rows import now
from app.store.queries.transfer import unfinished

__all__ = [
    "Message",
    "Name",
    "NotAllNew",
    "arrive",
    "begin_epoch",
    "catch_up",
    "changed_since",
    "claim",
    "day_of",
    "delete",
    "delete_oldest",
    "depart",
    "edit",
    "epoch",
    "forget_guests",
    "forget_rooms",
    "hand_over",
    "insert_message",
    "insert_messages",
    "keep",
    "lively_rooms",
    "look_anew",
    "mark_all_departed",
    "now",
    "one",
    "open_room",
    "probe",
    "react",
    "reacted",
    "rename_epoch",
    "reserve",
    "reserved",
    "room",
    "rooms_with_messages",
    "rule",
    "said_after",
    "said_before",
    "said_on",
    "set_rule",
    "set_topic",
    "stay",
    "unfinished",
    "unused_guests",
    "unused_rooms",
    "whose",
]
