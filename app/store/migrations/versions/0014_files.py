"""Files that people have uploaded.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


LOOSE, GONE = sa.text("seq IS NULL"), sa.text("gone_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("person", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("thumbnail", sa.BigInteger),
        sa.Column("animated", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("stored_at", sa.BigInteger),
        sa.Column("room", sa.String(64)),
        sa.Column("seq", sa.BigInteger),
        sa.Column("gone_at", sa.BigInteger),
    )
    op.create_index("ix_files_room_seq", "files", ["room", "seq"])
    op.create_index("ix_files_created_at", "files", ["created_at"], sqlite_where=LOOSE, postgresql_where=LOOSE)
    op.create_index("ix_files_gone_at", "files", ["gone_at"], sqlite_where=GONE, postgresql_where=GONE)
    for table in ("messages", "removed"):
        op.add_column(table, sa.Column("file", sa.Text))


def downgrade() -> None:
    for table in ("messages", "removed"):
        op.drop_column(table, "file")
    op.drop_table("files")
