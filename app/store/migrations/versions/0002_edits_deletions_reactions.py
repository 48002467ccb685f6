"""Edits, deletions and reactions.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("edited", sa.BigInteger))
    op.add_column("messages", sa.Column("deleted", sa.BigInteger))
    op.add_column("messages", sa.Column("deleted_by", sa.String(32)))
    op.create_table(
        "reactions",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("emoji", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_reactions_person"), primary_key=True),
        sa.Column("nickname", sa.String(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["room", "seq"], ["messages.room", "messages.seq"], name="fk_reactions_room_seq"),
    )


def downgrade() -> None:
    op.drop_table("reactions")
    for column in ("deleted_by", "deleted", "edited"):
        op.drop_column("messages", column)
