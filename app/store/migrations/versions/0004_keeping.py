"""How long a room's messages are kept.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("keep_days", sa.Float))
    op.add_column("rooms", sa.Column("keep_messages", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("rooms", "keep_messages")
    op.drop_column("rooms", "keep_days")
