"""Every question we ask of the memory, written once for every database.

Each takes the open transaction first and runs inside it; who writes, writes through `Database.write`, and says with
`@changes` what. A read before a write cannot go stale: SQLite has one writer (BEGIN IMMEDIATE); elsewhere the row of a
room that is changed is locked before, and queries about people lock their rows themselves (`with_for_update`). Rows
come back as plain dicts. Times are milliseconds.
"""

from app.store.queries.days import day_of, said_on
from app.store.queries.ignores import ignore, ignored_by
from app.store.queries.leases import (
    all_leases,
    begin_lease,
    connected_to,
    end_lease,
    end_other_leases,
    mark_all_departed,
    renew_lease,
)
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
    standings,
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
    "all_leases",
    "arrive",
    "begin_epoch",
    "begin_lease",
    "catch_up",
    "changed_since",
    "claim",
    "connected_to",
    "day_of",
    "delete",
    "delete_oldest",
    "depart",
    "edit",
    "end_lease",
    "end_other_leases",
    "epoch",
    "forget_guests",
    "forget_rooms",
    "hand_over",
    "ignore",
    "ignored_by",
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
    "renew_lease",
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
    "standings",
    "stay",
    "unfinished",
    "unused_guests",
    "unused_rooms",
    "whose",
]
