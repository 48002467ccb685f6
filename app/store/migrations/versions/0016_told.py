"""Mentions, push subscriptions, and what somebody says of themselves.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("mentions", sa.Text))
    op.add_column("removed", sa.Column("mentions", sa.Text))
    op.create_table(
        "mentions",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["room", "seq"], ["messages.room", "messages.seq"], name=op.f("fk_mentions_room_seq_messages")
        ),
    )
    op.create_index(op.f("ix_mentions_person_at"), "mentions", ["person", "at"])
    op.add_column("people", sa.Column("status", sa.Text))
    op.add_column("people", sa.Column("status_until", sa.BigInteger))
    op.add_column("people", sa.Column("shows_last_seen", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "push_subscriptions",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("p256dh", sa.String(128), nullable=False),
        sa.Column("auth", sa.String(32), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index(op.f("ix_push_subscriptions_person"), "push_subscriptions", ["person"])
    op.create_table(
        "notify",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id"), primary_key=True),
        sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name"), primary_key=True),
        sa.Column("level", sa.String(8), nullable=False),
    )
    op.create_index(op.f("ix_notify_room"), "notify", ["room"])


def downgrade() -> None:
    op.drop_table("notify")
    op.drop_table("push_subscriptions")
    for column in ("shows_last_seen", "status_until", "status"):
        op.drop_column("people", column)
    op.drop_table("mentions")
    op.drop_column("removed", "mentions")
    op.drop_column("messages", "mentions")
