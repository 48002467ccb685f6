"""Rooms, people and messages.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("epochs", sa.Column("epoch", sa.String(32), primary_key=True))
    op.create_table(
        "people",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("nickname", sa.String(256)),
        sa.Column("skeleton", sa.String(1024)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("left_at", sa.BigInteger),
        sa.UniqueConstraint("token", name="uq_people_token"),
        sa.UniqueConstraint("skeleton", name="uq_people_skeleton"),
    )
    op.create_table(
        "rooms",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("active_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_rooms_active_at", "rooms", ["active_at"])
    op.create_table(
        "messages",
        sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name", name="fk_messages_room"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("author", sa.String(32), sa.ForeignKey("people.id", name="fk_messages_author"), nullable=False),
        sa.Column("nickname", sa.String(256), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reply_to", sa.Integer),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("author", "id", name="uq_messages_author_id"),
        sa.UniqueConstraint("room", "rev", name="uq_messages_room_rev"),
    )


def downgrade() -> None:
    for table in ("messages", "rooms", "people", "epochs"):
        op.drop_table(table)
