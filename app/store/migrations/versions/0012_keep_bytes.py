"""How many bytes of a room are kept.

Revision ID: 0012
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("keep_bytes", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("rooms", "keep_bytes")
