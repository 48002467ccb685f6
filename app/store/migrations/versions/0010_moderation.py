"""Owners and moderators, who is kept out or muted, who was let in, links that do either, and what moderators did.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("address", sa.String(64)))
    op.drop_index("ix_rooms_active_at", "rooms")
    for column in (
        sa.Column("listed", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("locked", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("passphrase", sa.String(256)),
        sa.Column("slow", sa.Integer, nullable=False, server_default="0"),
        sa.Column("welcome", sa.Text, nullable=False, server_default=""),
        sa.Column("topic_by", sa.String(16), nullable=False, server_default="member"),
        sa.Column("rules_rev", sa.BigInteger, nullable=False, server_default="0"),
    ):
        op.add_column("rooms", column)
    listed = sa.text("active_at > 0 AND listed")
    op.create_index("ix_rooms_active_at", "rooms", ["active_at"], sqlite_where=listed, postgresql_where=listed)
    op.create_table(
        "roles",
        _room("roles"),
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_roles_person"), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(32)),
    )
    op.create_index("ix_roles_person", "roles", ["person"])
    op.create_table(
        "sanctions",
        _room("sanctions"),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("nickname", sa.String(256), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("by_name", sa.String(256), nullable=False),
        sa.Column("address", sa.String(64)),
    )
    op.create_index("ix_sanctions_person", "sanctions", ["person"])
    op.create_table(
        "admitted",
        _room("admitted"),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "keys",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name", name="fk_keys_room"), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("uses", sa.Integer),
        sa.Column("until", sa.BigInteger),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
    )
    op.create_index("ix_keys_room", "keys", ["room"])
    op.create_table(
        "audit",
        _room("audit"),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(32), nullable=False),
        sa.Column("who_name", sa.String(256), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("whom", sa.String(32)),
        sa.Column("whom_name", sa.String(256)),
        sa.Column("reason", sa.Text),
        sa.Column("seq", sa.BigInteger),
    )
    op.create_table(
        "turns",
        _room("turns"),
        sa.Column("person", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "removed",
        sa.Column("room", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("reply_to", sa.Integer),
        sa.Column("reactions", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["room", "seq"], ["messages.room", "messages.seq"], name="fk_removed_room"),
    )


def _room(table: str) -> sa.Column[str]:
    return sa.Column("room", sa.String(64), sa.ForeignKey("rooms.name", name=f"fk_{table}_room"), primary_key=True)


def downgrade() -> None:
    for table in ("removed", "turns", "audit", "keys", "admitted", "sanctions", "roles"):
        op.drop_table(table)
    op.drop_index("ix_rooms_active_at", "rooms")
    for column in ("listed", "locked", "passphrase", "slow", "welcome", "topic_by", "rules_rev"):
        op.drop_column("rooms", column)
    used = sa.text("active_at > 0")
    op.create_index("ix_rooms_active_at", "rooms", ["active_at"], sqlite_where=used, postgresql_where=used)
    op.drop_column("people", "address")
