"""Rooms that nobody used are in no index of used ones; guests without a word can be told from others.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_rooms_active_at", "rooms")
    op.execute("UPDATE rooms SET active_at = 0 WHERE rev = 0 AND topic = ''")
    used = sa.text("active_at > 0")
    op.create_index("ix_rooms_active_at", "rooms", ["active_at"], sqlite_where=used, postgresql_where=used)
    op.create_index("ix_reactions_person", "reactions", ["person"])


def downgrade() -> None:
    op.drop_index("ix_reactions_person", "reactions")
    op.drop_index("ix_rooms_active_at", "rooms")
    op.execute("UPDATE rooms SET active_at = created_at WHERE active_at = 0")
    op.create_index("ix_rooms_active_at", "rooms", ["active_at"])
