"""The tables. Times are milliseconds since 1970 UTC; the database keeps the promises, not the code above it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

LOOSE, GONE = text("seq IS NULL"), text("gone_at IS NOT NULL")  # files that no message carries; that nobody gets
LISTED = text("active_at > 0 AND listed")  # the rooms of the list, as their index and the query have it

# One row: the name of this database's history. Another epoch means that a client's revs say nothing here.
epochs = Table("epochs", metadata, Column("epoch", String(32), primary_key=True))

# `left_at` is null while a socket of any process is open (`connected`). `held`: milliseconds from then on for which the
# name is kept, where nobody is known to have the token; null: for the operator's time. Who has a passphrase (argon2,
# never the text) keeps the nickname for ever. `rev` counts the changes of nickname and passphrase: of two processes
# that say how somebody is called, the one with the higher number knows better. `address` is the fingerprint of the
# network from which they came last, where that is known for certain. `status` is what they say of themselves, until
# `status_until` or for good.
people = Table(
    "people",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("nickname", String(256)),
    Column("passphrase", String(256)),
    Column("reserved_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("left_at", BigInteger),
    Column("held", BigInteger),
    Column("rev", BigInteger, nullable=False, server_default="0"),
    Column("address", String(64)),
    Column("status", Text),
    Column("status_until", BigInteger),
    Column("shows_last_seen", Boolean, nullable=False, server_default=false()),
)

# The processes that serve this database. `seen_at` changes for as long as one lives and is not alone (chat/leases.py).
processes = Table(
    "processes",
    metadata,
    Column("id", String(8), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)

# Who is connected to which of them. Not bound to a row of `processes`: one that was taken for dead, and goes on, may
# let somebody in before it has a row again.
connected = Table(
    "connected",
    metadata,
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("process", String(8), primary_key=True),
    sqlite_with_rowid=False,
)

# Whoever holds a token is its person; one a browser. Only fingerprints are kept. `replaces` is the token in whose place
# this one was given, `confirmed_at` when somebody first came with it: since then the former is revoked.
tokens = Table(
    "tokens",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("replaces", String(64)),
    Column("confirmed_at", BigInteger),
    Column("revoked_at", BigInteger),
    Index(None, "person"),
)

# Keys that all processes share: that of tokens, where the operator has set no secret.
secrets = Table(
    "secrets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),
)

# What a nickname looks like, in capitals and small; of two people's names no look may be the same. `nth` is 0, but
# where two names that were different came to look the same by another rule: both are kept.
skeletons = Table(
    "skeletons",
    metadata,
    Column("skeleton", String(1024), primary_key=True),
    Column("nth", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Index(None, "person"),
)

# Whom somebody ignores.
ignores = Table(
    "ignores",
    metadata,
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("ignored", String(32), ForeignKey("people.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index(None, "ignored"),
    sqlite_with_rowid=False,
)

# By which version of a rule of ours something stored was made.
rules = Table(
    "rules",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("version", String(256), nullable=False),
)

# `active_at` is when the room was used last, 0 where nobody ever said anything there or gave it a topic: then it is in
# no list, and the index does not hold it.
# `seq` counts the room's messages, `rev` their changes; both are claimed here, in the sender's transaction.
# What is kept of them: null is as the server has it, 0 is everything.
# `rules_rev` counts the changes of topic, settings, roles and sanctions: by it every process knows whether its copy of
# them is the newest one. `passphrase` is an argon2 hash; `slow` is in seconds; `topic_by` is `member` or `owner`.
# `topic_set_by` is the nickname that whoever set the topic bore then.
rooms = Table(
    "rooms",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("topic", Text, nullable=False, default=""),
    Column("seq", BigInteger, nullable=False, default=0),
    Column("rev", BigInteger, nullable=False, default=0),
    Column("created_at", BigInteger, nullable=False),
    Column("active_at", BigInteger, nullable=False),
    Column("keep_days", Float),
    Column("keep_messages", BigInteger),
    Column("keep_bytes", BigInteger),
    Column("listed", Boolean, nullable=False, server_default=true()),
    Column("locked", Boolean, nullable=False, server_default=false()),
    Column("passphrase", String(256)),
    Column("slow", Integer, nullable=False, server_default="0"),
    Column("welcome", Text, nullable=False, server_default=""),
    Column("topic_by", String(16), nullable=False, server_default="member"),
    Column("rules_rev", BigInteger, nullable=False, server_default="0"),
    Column("topic_set_by", String(256)),
    Column("topic_set_at", BigInteger),
    Index(None, "active_at", sqlite_where=LISTED, postgresql_where=LISTED),
)

# Who owns a room, and who moderates it.
roles = Table(
    "roles",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("by", String(32)),
    Index(None, "person"),
)

# Who may not speak (`mute`) or not come in (`ban`, and for some seconds `kick`); `until` null: for good. With
# `address`, the fingerprint of a network, nobody new may come in from there. Of a person who is forgotten, the row
# stays.
sanctions = Table(
    "sanctions",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("nickname", String(256), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("until", BigInteger),
    Column("reason", Text, nullable=False, server_default=""),
    Column("by", String(32), nullable=False),
    Column("by_name", String(256), nullable=False),
    Column("address", String(64)),
    Index(None, "person"),
)

# Who has come into a room that does not let everybody in: by passphrase, by invite, or before it was closed.
admitted = Table(
    "admitted",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index(None, "person"),
)

# Links that make an owner (`owner`) or let somebody in (`invite`): only fingerprints are kept. `uses` is what is left
# of them, null: any number; `until` null: for good.
keys = Table(
    "keys",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.name"), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("uses", Integer),
    Column("until", BigInteger),
    Column("at", BigInteger, nullable=False),
    Column("by", String(32), nullable=False),
    Index(None, "room"),
)

# What moderators did, and what was reported to them, for moderators to read.
audit = Table(
    "audit",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", String(32), nullable=False),
    Column("who_name", String(256), nullable=False),
    Column("what", String(32), nullable=False),
    Column("whom", String(32)),
    Column("whom_name", String(256)),
    Column("reason", Text),
    Column("seq", BigInteger),
)

# When somebody spoke last in a room in slow mode.
turns = Table(
    "turns",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

# What was deleted, for as long as that can be undone.
removed = Table(
    "removed",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("text", Text, nullable=False),
    Column("reply_to", Integer),
    Column("reactions", Text),
    Column("at", BigInteger, nullable=False),
    Column("mentions", Text),
    Column("file", Text),
    Column("card", Text),
    ForeignKeyConstraint(["room", "seq"], ["messages.room", "messages.seq"]),
)

# `reactions` is what a message shows of them, as JSON: `{emoji: [how many, [the first nicknames]]}`, null where there
# are none. It is written in the transaction that changes them, so that a page is read without reading all who reacted.
# `mentions`: whom it calls, as JSON: `{name as typed, without @: person}`, or `everyone` for a person.
# `file` is what a message tells of the file that it carries, as JSON, for the same reason; `card` what it shows of the
# page to which it links, with `off` where somebody has hidden that.
messages = Table(
    "messages",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("rev", BigInteger, nullable=False),
    Column("id", String(64), nullable=False),
    Column("author", String(32), ForeignKey("people.id"), nullable=False),
    Column("nickname", String(256), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("reply_to", Integer),
    Column("at", BigInteger, nullable=False),
    Column("edited", BigInteger),
    Column("deleted", BigInteger),
    Column("deleted_by", String(32), ForeignKey("people.id")),
    Column("reactions", Text),
    Column("mentions", Text),
    Column("file", Text),
    Column("card", Text),
    UniqueConstraint("author", "id"),
    UniqueConstraint("room", "rev"),
)

# Who answered a message with what. The nickname is the one borne then, as with messages.
reactions = Table(
    "reactions",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("emoji", String(64), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("nickname", String(256), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "person", "room", "seq"),
    ForeignKeyConstraint(["room", "seq"], ["messages.room", "messages.seq"]),
)

# Who is called in a message: the rows of `messages.mentions`, so that each person's can be listed. `person` may be
# `everyone`. `at` is the message's.
mentions = Table(
    "mentions",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("person", String(32), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index(None, "person", "at"),
    ForeignKeyConstraint(["room", "seq"], ["messages.room", "messages.seq"]),
)

# Browsers that are woken for somebody while no page of theirs is open (RFC 8030). `fingerprint` is that of the
# endpoint; `p256dh` and `auth` are the browser's keys (RFC 8291), in base64url.
push_subscriptions = Table(
    "push_subscriptions",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("p256dh", String(128), nullable=False),
    Column("auth", String(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "person"),
)

# Of what in a room somebody wants to be told: `all`, `mentions` or `none`. Without a row: mentions.
notify = Table(
    "notify",
    metadata,
    Column("person", String(32), ForeignKey("people.id"), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("level", String(8), nullable=False),
    Index(None, "room"),
)

# What people have uploaded. The bytes are elsewhere (app/files/blobs.py), and never without a row: it is here before
# them (`stored_at` null) and goes after them. `room` and `seq`: the message that carries it, null while none does.
# Since `gone_at` nobody gets it any more: its message was deleted, or it was never sent. `thumbnail`: its bytes.
files = Table(
    "files",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("type", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("thumbnail", BigInteger),
    Column("animated", Boolean, nullable=False, server_default=false()),
    Column("created_at", BigInteger, nullable=False),
    Column("stored_at", BigInteger),
    Column("room", String(64)),
    Column("seq", BigInteger),
    Column("gone_at", BigInteger),
    Index(None, "room", "seq"),
    Index(None, "created_at", sqlite_where=LOOSE, postgresql_where=LOOSE),
    Index(None, "gone_at", sqlite_where=GONE, postgresql_where=GONE),
)

# How far somebody has read a room in which they have been.
read_marks = Table(
    "read_marks",
    metadata,
    Column("person", String(32), primary_key=True),
    Column("room", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index(None, "room"),
    sqlite_with_rowid=False,
)

# The rooms of two people, in the order of their ids. `opened_by` is who wanted to talk first.
directs = Table(
    "directs",
    metadata,
    Column("room", String(64), ForeignKey("rooms.name"), primary_key=True),
    Column("one", String(32), nullable=False),
    Column("other", String(32), nullable=False),
    Column("opened_by", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    UniqueConstraint("one", "other"),
    Index(None, "other"),
)

# What is made from the history, and made again where it is missing: no part of what is copied (queries/search.py).
# How far each room is in the index of words, and its number there. The index itself is no table that Core knows:
# `searched`, of FTS5 on SQLite, with a `tsvector` on PostgreSQL.
search_rooms = Table(
    "search_rooms",
    metadata,
    Column("room", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("rev", BigInteger, nullable=False),
    UniqueConstraint("number"),
)

# Addresses at which other programs say something in a room as `person`, a bot; and with `url`, to which its messages
# are delivered. Only the fingerprint of the secret in the address is kept; that by which deliveries are signed is
# made from the key of tokens. `last`, `done`, `worker`: see queries/hooks.py. `retry_at` is when the event after
# `done` is tried again, which was tried `tries` times; `trouble` says why it failed. Where it `is_full`, something was
# not queued.
hooks = Table(
    "hooks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("room", String(64), ForeignKey("rooms.name"), nullable=False),
    Column("person", String(32), ForeignKey("people.id"), nullable=False),
    Column("fingerprint", String(64), nullable=False, unique=True),
    Column("url", Text),
    Column("at", BigInteger, nullable=False),
    Column("by", String(32), nullable=False),
    Column("last", BigInteger, nullable=False, server_default="0"),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("retry_at", BigInteger, nullable=False, server_default="0"),
    Column("worker", String(8)),
    Column("is_full", Boolean, nullable=False, server_default=false()),
    Column("given_up_at", BigInteger),
    Column("trouble", String(200)),
    Index(None, "room"),
    Index(None, "person"),
)

# What waits for hooks: a message as it was stored, as JSON.
deliveries = Table(
    "deliveries",
    metadata,
    Column("hook", String(32), ForeignKey("hooks.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("event", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("message", Text, nullable=False),
)
