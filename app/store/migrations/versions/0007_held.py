"""For how long a name is held whose owner's token nobody is known to have kept.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("held", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("people", "held")
