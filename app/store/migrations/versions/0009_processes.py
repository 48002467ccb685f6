"""Who is connected to which of the processes that serve the database; a number for each change of a nickname.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("id", sa.String(8), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "connected",
        sa.Column("person", sa.String(32), sa.ForeignKey("people.id", name="fk_connected_person"), primary_key=True),
        sa.Column("process", sa.String(8), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.add_column("people", sa.Column("rev", sa.BigInteger, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("people", "rev")
    op.drop_table("connected")
    op.drop_table("processes")
