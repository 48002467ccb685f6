"""How many bytes of a room are kept.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("keep_bytes", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("rooms", "keep_bytes")
