"""Whom somebody ignores.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ignores",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_ignores_person"), primary_key=True),
        sa.Column("ignored", sa.String(32), sa.ForeignKey("people.id", name="fk_ignores_ignored"), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ignores_ignored", "ignores", ["ignored"])


def downgrade() -> None:
    op.drop_table("ignores")
