"""Whom somebody ignores.

Revision ID: 0013
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
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
