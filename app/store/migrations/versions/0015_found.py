"""Direct rooms, read marks, and what is searched. The index of words is filled by the server while it runs, so that a
large history does not keep it from starting.

Revision ID: 0015
Revises: 0014
"""

import contextlib
import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("topic_set_by", sa.String(256)))
    op.add_column("rooms", sa.Column("topic_set_at", sa.BigInteger))
    op.create_index("ix_admitted_person", "admitted", ["person"])
    op.create_table(
        "read_marks",
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_read_marks_room", "read_marks", ["room"])
    op.execute(  # whoever has said something in a room has been there, and read it that far
        "INSERT INTO read_marks (person, room, seq, at) SELECT author, room, max(seq), max(at) FROM messages "
        "GROUP BY author, room"
    )
    op.create_table(
        "directs",
        sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name", name="fk_directs_room"), primary_key=True),
        sa.Column("one", sa.String(32), nullable=False),
        sa.Column("other", sa.String(32), nullable=False),
        sa.Column("opened_by", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("one", "other", name="uq_directs_one_other"),
    )
    op.create_index("ix_directs_other", "directs", ["other"])
    op.create_table(
        "search_rooms",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("number", name="uq_search_rooms_number"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE searched (id BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX ix_searched_terms ON searched USING gin (terms)")
    else:
        with contextlib.suppress(sqlite3.OperationalError, sa.exc.OperationalError):  # SQLite may be built without it
            op.execute(
                "CREATE VIRTUAL TABLE searched USING fts5(terms, columnsize = 0, tokenize = \"ascii tokenchars '='\")"
            )


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS searched")
    for table in ("search_rooms", "directs", "read_marks"):
        op.drop_table(table)
    op.drop_index("ix_admitted_person", "admitted")
    op.drop_column("rooms", "topic_set_at")
    op.drop_column("rooms", "topic_set_by")
