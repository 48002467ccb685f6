"""The beginnings of words have lists of their own in SQLite's index of words: without them the last word of a search,
which may go on, was put together anew from every word that begins like it, of all rooms, for each room. The server
fills the index again while it runs.

Revision ID: 0019
Revises: 0018
"""

import contextlib
import sqlite3

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

OPTIONS = "columnsize = 0, tokenize = \"ascii tokenchars '='\""


def upgrade() -> None:
    _make_anew(OPTIONS + ", prefix = '1 2 3'")


def downgrade() -> None:
    _make_anew(OPTIONS)


def _make_anew(options: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    with contextlib.suppress(sqlite3.OperationalError, sa.exc.OperationalError):  # SQLite may be built without FTS5
        op.execute("DROP TABLE IF EXISTS searched")
        op.execute(f"CREATE VIRTUAL TABLE searched USING fts5(terms, {options})")
    op.execute("DELETE FROM search_rooms")
