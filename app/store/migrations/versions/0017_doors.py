"""Hooks, and what is to be delivered to them.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name", name="fk_hooks_room"), nullable=False),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_hooks_person"), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("done", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("worker", sa.String(8)),
        sa.Column("is_full", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("given_up_at", sa.BigInteger),
        sa.Column("trouble", sa.String(200)),
        sa.UniqueConstraint("fingerprint", name="uq_hooks_fingerprint"),
    )
    op.create_index("ix_hooks_room", "hooks", ["room"])
    op.create_index("ix_hooks_person", "hooks", ["person"])
    op.create_table(
        "deliveries",
        sa.Column("hook", sa.String(32), sa.ForeignKey("hooks.id", name="fk_deliveries_hook"), primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deliveries")
    op.drop_table("hooks")
