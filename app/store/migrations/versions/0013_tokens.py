"""Tokens are signed by a key of the database's, and may be given in place of others.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(128), nullable=False),
    )
    op.add_column("tokens", sa.Column("replaces", sa.String(64)))
    op.add_column("tokens", sa.Column("confirmed_at", sa.BigInteger))
    op.add_column("tokens", sa.Column("revoked_at", sa.BigInteger))


def downgrade() -> None:
    op.execute("DELETE FROM tokens WHERE revoked_at IS NOT NULL")
    for column in ("revoked_at", "confirmed_at", "replaces"):
        op.drop_column("tokens", column)
    op.drop_table("secrets")
